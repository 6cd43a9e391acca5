import { timestamp, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isDeepStrictEqual } from 'node:util'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { ApiResource } from '../discovery/api-resource.ts'
import type { Reply, RequestContext } from '../http/exchange.ts'
import { editStored } from '../lifecycle/remove-stored.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import { objectAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { apiServices, backendOf } from './api-services.ts'
import { withAvailability, type Availability } from './availability.ts'
import { proxyRequest } from './proxy.ts'
import { RemoteService, type ProxyCredentials } from './remote-service.ts'

export interface AggregatorDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  /** What this server shows to servers behind it; undefined: nothing, and they will hardly believe it. */
  readonly credentials: () => ProxyCredentials | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

interface Remote {
  readonly key: string
  /** What it was made from; it is made anew when that changes. */
  readonly made: JsonObject
  readonly service: RemoteService
  cancelCheck: () => void
  available: boolean
  resources: readonly ApiResource[]
}

const checkEveryMs = 30_000
/** Whoever is away may be back any moment. */
const recheckMs = 5_000

/** Passes requests for the group versions of users' APIServices on to the servers behind them. */
export class Aggregator {
  readonly #deps: AggregatorDeps
  readonly #queue: KeyQueue
  readonly #remotes = new Map<string, Remote>()
  #generation = 0

  constructor(deps: AggregatorDeps) {
    this.#deps = deps
    // A server that hangs must not hold up the checks of others.
    this.#queue = new KeyQueue({
      ...deps,
      name: 'API service check',
      concurrency: 8,
      work: (key) => this.#check(key),
    })
  }

  /** Grows whenever `resources` gives another answer. */
  get generation(): number {
    return this.#generation
  }

  /** What the servers behind this one said that they serve, as far as this one does not. */
  resources(): ApiResource[] {
    return [...this.#remotes.values()]
      .flatMap(({ resources }) => resources)
      .filter(({ group, version }) => !this.#deps.resources.hasGroupVersion(group, version))
  }

  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    await follow(objects, apiServices, signal, {
      onPresent: (items) => {
        for (const { key } of items) this.#queue.add(key)
        for (const key of this.#remotes.keys()) this.#queue.add(key)
      },
      onEvents: (events) => {
        for (const { item } of events) this.#queue.add(item.key)
      },
    })
    signal.addEventListener('abort', () => this.#remotes.forEach(closeRemote), { once: true })
  }

  /** Undefined when nobody behind this server serves the group version. Throws ServiceUnavailable. */
  async handle(context: RequestContext): Promise<Reply | undefined> {
    const { group, version } = context.info
    for (const remote of this.#remotes.values()) {
      const { service } = remote
      if (service.group !== group || service.version !== version) continue
      if (!remote.available) throw new StatusError('ServiceUnavailable', 'service unavailable')
      return await proxyRequest(service, context)
    }
    return undefined
  }

  async #check(key: string): Promise<void> {
    const { objects, signal } = this.#deps
    const cache = await objects.cache(apiServices, signal)
    const service = cache.get(key)?.object as KubeObject | undefined
    const url = service && backendOf(service)
    const made: JsonObject | undefined = service && { url, spec: service['spec'], uid: service.metadata.uid }
    const known = this.#remotes.get(key)
    if (known && !jsonEqual(known.made, made)) this.#drop(known)
    if (!service || service.metadata.deletionTimestamp !== undefined) return
    if (url !== undefined && made) await this.#checkRemote(key, service, { url, made })
    else if (objectAt(service, 'spec')['service'] !== undefined)
      await this.#tell(key, service, notFound(service))
  }

  async #checkRemote(
    key: string,
    object: KubeObject,
    { url, made }: { url: string; made: JsonObject },
  ): Promise<void> {
    const remote = this.#remotes.get(key) ?? this.#connect(key, object, { url, made })
    const availability = await this.#look(remote)
    if (this.#remotes.get(key) !== remote) return
    remote.available = availability.status === 'True'
    remote.cancelCheck()
    const pause = remote.available ? checkEveryMs : recheckMs
    remote.cancelCheck = this.#deps.clock.after(pause, () => this.#queue.add(key))
    await this.#tell(key, object, availability)
  }

  async #look(remote: Remote): Promise<Availability> {
    try {
      const resources = await remote.service.discover(this.#deps.signal)
      if (!isDeepStrictEqual(resources, remote.resources)) {
        remote.resources = resources
        this.#generation += 1
      }
      return { status: 'True', reason: 'Passed', message: 'all checks passed' }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { status: 'False', reason: 'FailedDiscoveryCheck', message }
    }
  }

  #connect(key: string, object: KubeObject, { url, made }: { url: string; made: JsonObject }): Remote {
    const spec = objectAt(object, 'spec')
    const bundle = textAt(spec, 'caBundle')
    const service = new RemoteService(
      {
        group: textAt(spec, 'group'),
        version: textAt(spec, 'version'),
        url,
        authority: bundle === '' ? undefined : Buffer.from(bundle, 'base64'),
        insecure: spec['insecureSkipTLSVerify'] === true,
        credentials: this.#deps.credentials,
      },
      this.#deps.clock,
    )
    const remote: Remote = { key, made, service, cancelCheck() {}, available: false, resources: [] }
    this.#remotes.set(key, remote)
    return remote
  }

  #drop(remote: Remote): void {
    this.#remotes.delete(remote.key)
    this.#generation += 1
    closeRemote(remote)
  }

  /** Whoever serves the group version itself knows better than a check of somebody else. */
  async #tell(key: string, object: KubeObject, availability: Availability): Promise<void> {
    const { resources, clock, log } = this.#deps
    const spec = objectAt(object, 'spec')
    if (resources.hasGroupVersion(textAt(spec, 'group'), textAt(spec, 'version'))) return
    if (!withAvailability(object, availability, '')) return
    log.info('Availability of an API service changed', { apiService: object.metadata.name, ...availability })
    await editStored(this.#deps, apiServices, { key, uid: object.metadata.uid }, (stored) => ({
      object: withAvailability(stored, availability, timestamp(clock)) ?? stored,
      released: false,
    }))
  }
}

function closeRemote({ service, cancelCheck }: Remote): void {
  cancelCheck()
  service.close()
}

function notFound(service: KubeObject): Availability {
  const [name, namespace] = ['name', 'namespace'].map((field) => textAt(service, 'spec', 'service', field))
  const message = `service/${name} in ${JSON.stringify(namespace)} is not present`
  return { status: 'False', reason: 'ServiceNotFound', message }
}
