import type { Clock } from '../../../apimachinery/clock.ts'
import { hostLeaseNamespace } from '../../../crds/names.ts'
import { leases } from '../../registry/builtin/coordination.ts'
import { at, objectsAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import { keyOf } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'

/** What is known of hosts when they ask for certificates. */
export interface HostBook {
  exists(host: string): Promise<boolean>
  /** Whether its daemon has renewed its lease within the last minutes. */
  isAlive(host: string): Promise<boolean>
  /** The host's own name, and the addresses that it reports and nobody else has. */
  namesOf(host: string): Promise<ReadonlySet<string>>
}

export interface HostBookDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Names and addresses of the API server itself. */
  readonly reserved: readonly string[]
}

const aliveMs = 5 * 60 * 1000

export function hostBook(deps: HostBookDeps): HostBook {
  const { objects, resources, clock, signal, reserved } = deps
  const definition = () => resources.findKind('kvorum.dev', 'Host')
  const find = async (host: string) => {
    const hosts = definition()
    return hosts && (await objects.read(hosts, keyOf(hosts, '', host), undefined, signal))
  }
  const all = async (): Promise<KubeObject[]> => {
    const hosts = definition()
    if (hosts === undefined) return []
    const cache = await objects.caughtUp(hosts, undefined, signal)
    return cache.list(hosts.stored.prefix).map(({ object }) => object as KubeObject)
  }
  return {
    exists: async (host) => (await find(host)) !== undefined,

    async isAlive(host) {
      const lease = await objects.read(leases, keyOf(leases, hostLeaseNamespace, host), undefined, signal)
      const renewed = Date.parse(textAt(lease?.object, 'spec', 'renewTime'))
      return clock.now() - renewed < aliveMs
    },

    async namesOf(host) {
      const hosts = await all()
      const own = hosts.find(({ metadata }) => metadata.name === host)
      // A daemon writes its own addresses: those of others, and the API server's, are not its own for that.
      const foreign = new Set([
        ...reserved,
        ...hosts.flatMap((other) =>
          other === own ? [] : [other.metadata.name ?? '', ...addressesOf(other)],
        ),
      ])
      return new Set([host, ...(own ? addressesOf(own) : []).filter((name) => !foreign.has(name))])
    },
  }
}

function addressesOf(host: KubeObject): string[] {
  const endpoint = at(host, 'status', 'daemonEndpoint', 'address')
  return [
    ...objectsAt(host, 'status', 'addresses').map((item) => textAt(item, 'address')),
    ...(typeof endpoint === 'string' ? [endpoint] : []),
  ].filter((address) => address !== '')
}
