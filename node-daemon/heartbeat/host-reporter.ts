import type { Client } from '../../apimachinery/client/client.ts'
import { hosts } from '../../apimachinery/client/resources.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isAlreadyExists } from '../../apimachinery/status-error.ts'
import { apiVersionOf } from '../../crds/meta/define-kind.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Host, hostKind, hostSpec } from '../../crds/v1alpha1/host.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import { type HostObservation, hostStatus } from './host-status.ts'

export interface HostReporterDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly hostName: string
  /** Only this host's own object is in it. */
  readonly hosts: FreshObjects<Host>
  readonly observe: () => HostObservation
}

/** Registers this host, and writes its status when it says something new. The spec is the user's. */
export class HostReporter {
  readonly #deps: HostReporterDeps

  constructor(deps: HostReporterDeps) {
    this.#deps = deps
  }

  /** May be repeated at any time: nothing is written when nothing is new. */
  async report(signal: AbortSignal): Promise<undefined> {
    const { clock, hostName, hosts: known, observe } = this.#deps
    const host = known.get(hostName) ?? (await this.#register(signal))
    if (host.metadata.deletionTimestamp !== undefined) return undefined
    await known.writeStatus(host, hostStatus(host, clock, observe()), signal)
    return undefined
  }

  async #register(signal: AbortSignal): Promise<Stored<Host>> {
    const { client, hostName, log, hosts: known } = this.#deps
    const host: Host = {
      apiVersion: apiVersionOf(hostKind),
      kind: hostKind.kind,
      metadata: { name: hostName },
      spec: hostSpec.parse({}),
    }
    try {
      const created = await client.create<Host>(hosts, host, { fieldManager: 'kvorum-node-daemon', signal })
      log.info('Registered host', { name: hostName })
      return created
    } catch (error) {
      const existing = isAlreadyExists(error) ? await known.getLive({ name: hostName }, signal) : undefined
      if (existing === undefined) throw error
      return existing
    }
  }
}
