import { timestamp, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isNotFound } from '../../apimachinery/status-error.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import { editStored, removeStored } from '../lifecycle/remove-stored.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import { textAt, type KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf } from '../registry/resource-definition.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { apiServiceName, apiServices, backendOf } from './api-services.ts'
import { localAvailability, withAvailability } from './availability.ts'

export interface LocalServicesDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly local: LocalApi
  /** Group versions that are served beside the resources, such as those of reviews. */
  readonly others: readonly GroupVersion[]
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** Marks what the server put there: `onstart` for what it always serves, `true` for what comes and goes with CRDs. */
export const automanagedLabel = 'kube-aggregator.kubernetes.io/automanaged'

/** Lists every group version that this server serves itself as an APIService. */
export class LocalServices {
  readonly #deps: LocalServicesDeps
  readonly #queue: KeyQueue

  constructor(deps: LocalServicesDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({
      ...deps,
      name: 'API service registration',
      work: (name) => this.#work(name),
    })
  }

  /** Resolves once what is served now is listed. */
  async start(): Promise<void> {
    const { objects, resources, signal } = this.#deps
    const cache = await objects.cache(apiServices, signal)
    const stored = cache.list(apiServices.stored.prefix).map(({ object }) => object as KubeObject)
    for (const { metadata } of stored) if (metadata.name) this.#queue.add(metadata.name)
    let known = this.#served()
    for (const name of known.keys()) this.#queue.add(name)
    const stop = resources.onChange(() => {
      const now = this.#served()
      for (const name of new Set([...known.keys(), ...now.keys()])) {
        if (known.has(name) !== now.has(name)) this.#queue.add(name)
      }
      known = now
    })
    signal.addEventListener('abort', stop, { once: true })
    await this.#queue.idle()
  }

  #served(): Map<string, GroupVersion & { readonly custom: boolean }> {
    const { resources, others } = this.#deps
    return new Map(
      [...others.map((one) => ({ ...one, custom: false })), ...resources.all()].map(
        ({ group, version, custom }) => [apiServiceName({ group, version }), { group, version, custom }],
      ),
    )
  }

  async #work(name: string): Promise<void> {
    const served = this.#served().get(name)
    if (served) await this.#register(name, served)
    else await this.#withdraw(name)
  }

  async #register(
    name: string,
    { group, version, custom }: GroupVersion & { custom: boolean },
  ): Promise<void> {
    const { objects, local, clock, signal } = this.#deps
    await local.createIfMissing(apiServices, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name, labels: { [automanagedLabel]: custom ? 'true' : 'onstart' } },
      spec: { group, version, ...prioritiesOf(group, custom) },
    })
    const key = keyOf(apiServices, '', name)
    const item = await objects.read(apiServices, key, undefined, signal)
    if (!item) return
    const current = item.object as KubeObject
    // The server itself goes before whoever else claims to serve the group version.
    if (!withAvailability(current, localAvailability, '')) return
    await editStored(this.#deps, apiServices, { key, uid: current.metadata.uid }, (stored) => ({
      object: withAvailability(stored, localAvailability, timestamp(clock)) ?? stored,
      released: false,
    }))
  }

  async #withdraw(name: string): Promise<void> {
    const { objects, signal } = this.#deps
    const key = keyOf(apiServices, '', name)
    const item = await objects.read(apiServices, key, undefined, signal)
    const service = item?.object as KubeObject | undefined
    if (!service || backendOf(service) !== undefined) return
    if (textAt(service, 'metadata', 'labels', automanagedLabel) === '') return
    await removeStored(this.#deps, apiServices, key, { uid: service.metadata.uid ?? '' }).catch(
      (error: unknown) => {
        if (!isNotFound(error)) throw error
      },
    )
  }
}

function prioritiesOf(group: string, custom: boolean) {
  if (custom) return { groupPriorityMinimum: 1000, versionPriority: 100 }
  return { groupPriorityMinimum: group === '' ? 18_000 : 16_000, versionPriority: group === '' ? 1 : 15 }
}
