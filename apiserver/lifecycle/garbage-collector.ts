import type { CachedObject, CacheEvent } from '../cache/cache.ts'
import {
  foregroundFinalizer,
  isReleased,
  orphanFinalizer,
  type PropagationPolicy,
} from '../registry/deletion.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import type { KubeObject, OwnerReference } from '../registry/kube-object.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import type { LifecycleDeps } from './lifecycle.ts'
import { OwnerIndex } from './owner-index.ts'
import { editStored, removeStored } from './remove-stored.ts'

/** What has become of an owner: there, gone for good, going once its dependents are gone, or of an unknown kind. */
type OwnerState = 'solid' | 'gone' | 'waiting' | 'unknown'

interface Known {
  readonly definition: ResourceDefinition
  readonly key: string
  readonly object: KubeObject
}

/** Deletes what has lost its owners, and carries out foreground and orphaning deletions. */
export class GarbageCollector {
  readonly #deps: LifecycleDeps
  readonly #queue: KeyQueue
  readonly #index = new OwnerIndex()
  readonly #followed = new Map<string, { definition: ResourceDefinition; stop: AbortController }>()

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({
      ...deps,
      name: 'garbage collection',
      concurrency: 16,
      work: (key) => this.#reconcile(key),
    })
  }

  /** Resolves when every kind that is served now is followed; kinds that come later are followed too. */
  async start(): Promise<void> {
    const { resources, signal, log } = this.#deps
    const stop = resources.onChange(() => {
      this.#followAll().catch((error: unknown) => {
        if (!signal.aborted) log.error('Following kinds failed', { error })
      })
    })
    signal.addEventListener('abort', stop, { once: true })
    await this.#followAll()
  }

  async #followAll(): Promise<void> {
    const served = new Map(this.#deps.resources.distinct().map((one) => [one.stored.prefix, one]))
    for (const [prefix, { stop }] of this.#followed) {
      if (served.has(prefix)) continue
      stop.abort()
      this.#followed.delete(prefix)
      this.#index.drop(prefix)
    }
    const fresh = [...served.values()].filter(({ stored }) => !this.#followed.has(stored.prefix))
    await Promise.all(fresh.map((definition) => this.#follow(definition)))
  }

  async #follow(definition: ResourceDefinition): Promise<void> {
    const { objects, signal } = this.#deps
    const stop = new AbortController()
    this.#followed.set(definition.stored.prefix, { definition, stop })
    await follow(objects, definition, AbortSignal.any([signal, stop.signal]), {
      onPresent: (items) => {
        this.#index.drop(definition.stored.prefix)
        for (const item of items) this.#present(item)
      },
      onEvents: (events) => {
        for (const event of events) this.#happened(event)
      },
    })
  }

  #present(item: CachedObject): void {
    const metadata: KubeObject['metadata'] = item.metadata
    const ownersChanged = this.#index.set(item.key, metadata.ownerReferences)
    if (ownersChanged || isDependentsTurn(metadata)) this.#queue.add(item.key)
  }

  #happened({ type, item }: CacheEvent): void {
    if (type !== 'DELETED') return this.#present(item)
    const metadata: KubeObject['metadata'] = item.metadata
    this.#index.set(item.key, undefined)
    for (const dependent of this.#index.dependents(metadata.uid ?? '')) this.#queue.add(dependent)
    // An owner may have been waiting for just this one.
    for (const owner of metadata.ownerReferences ?? []) {
      const place = this.#placeOf(owner, metadata.namespace)
      if (place) this.#queue.add(place.key)
    }
  }

  async #reconcile(key: string): Promise<void> {
    const known = await this.#find(key)
    if (!known) return
    const { metadata } = known.object
    const finalizers = metadata.finalizers ?? []
    if (metadata.deletionTimestamp !== undefined) {
      if (finalizers.includes(orphanFinalizer)) await this.#orphanDependents(known)
      else if (finalizers.includes(foregroundFinalizer)) await this.#deleteDependents(known)
    } else if (metadata.ownerReferences?.length) await this.#checkOwners(known, metadata.ownerReferences)
  }

  async #find(key: string): Promise<Known | undefined> {
    for (const { definition } of this.#followed.values()) {
      if (!key.startsWith(definition.stored.prefix)) continue
      const cache = await this.#deps.objects.cache(definition, this.#deps.signal)
      const object = cache.get(key)?.object as KubeObject | undefined
      return object && { definition, key, object }
    }
    return undefined
  }

  async #checkOwners(known: Known, references: readonly OwnerReference[]): Promise<void> {
    const states = await Promise.all(
      references.map((owner) => this.#stateOf(owner, known.object.metadata.namespace)),
    )
    if (states.includes('unknown')) return
    const { uid = '' } = known.object.metadata
    if (states.includes('solid')) {
      const lost = references.filter((_, index) => states[index] !== 'solid').map((owner) => owner.uid)
      if (lost.length > 0) await this.#removeOwners(known, lost)
      return
    }
    const foreground = states.includes('waiting') && this.#index.dependents(uid).length > 0
    const propagationPolicy: PropagationPolicy = foreground ? 'Foreground' : 'Background'
    await removeStored(this.#deps, known.definition, known.key, { uid, propagationPolicy })
  }

  async #stateOf(owner: OwnerReference, namespace: string | undefined): Promise<OwnerState> {
    const place = this.#placeOf(owner, namespace)
    if (!place) return 'unknown'
    const { objects, signal } = this.#deps
    const cached = (await objects.cache(place.definition, signal)).get(place.key)
    // Only what is missing for certain costs an object its life.
    const found = cached ?? (await objects.read(place.definition, place.key, undefined, signal))
    const object = found?.object as KubeObject | undefined
    if (!object || object.metadata.uid !== owner.uid) return 'gone'
    const { deletionTimestamp, finalizers = [] } = object.metadata
    return deletionTimestamp !== undefined && finalizers.includes(foregroundFinalizer) ? 'waiting' : 'solid'
  }

  #placeOf(
    { apiVersion, kind, name }: OwnerReference,
    namespace: string | undefined,
  ): { definition: ResourceDefinition; key: string } | undefined {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
    const { resources } = this.#deps
    const definition = resources.findKind(group ?? '', kind, version) ?? resources.findKind(group ?? '', kind)
    if (!definition || (definition.namespaced && namespace === undefined)) return undefined
    return { definition, key: keyOf(definition, namespace ?? '', name) }
  }

  async #removeOwners({ definition, key, object }: Known, uids: readonly string[]): Promise<void> {
    await editStored(this.#deps, definition, { key, uid: object.metadata.uid }, (current) => {
      const ownerReferences = (current.metadata.ownerReferences ?? []).filter(
        ({ uid }) => !uids.includes(uid),
      )
      const { ownerReferences: _, ...metadata } = current.metadata
      return {
        object: {
          ...current,
          metadata: { ...metadata, ...(ownerReferences.length > 0 && { ownerReferences }) },
        },
        released: false,
      }
    })
  }

  async #orphanDependents(owner: Known): Promise<void> {
    const { uid = '' } = owner.object.metadata
    for (const dependent of await this.#dependentsOf(owner)) await this.#removeOwners(dependent, [uid])
    await this.#removeFinalizer(owner, orphanFinalizer)
  }

  async #deleteDependents(owner: Known): Promise<void> {
    const { uid: ownerUid } = owner.object.metadata
    const dependents = await this.#dependentsOf(owner)
    let blocked = false
    for (const { key, object } of dependents) {
      // Dependents look after their own owners: another one may want to keep them.
      this.#queue.add(key)
      const { ownerReferences = [] } = object.metadata
      blocked ||= ownerReferences.some(
        ({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true,
      )
    }
    if (!blocked) await this.#removeFinalizer(owner, foregroundFinalizer)
  }

  async #dependentsOf(owner: Known): Promise<Known[]> {
    const keys = this.#index.dependents(owner.object.metadata.uid ?? '')
    const found = await Promise.all(keys.map((key) => this.#find(key)))
    return found.filter((known) => known !== undefined)
  }

  async #removeFinalizer({ definition, key, object }: Known, finalizer: string): Promise<void> {
    await editStored(this.#deps, definition, { key, uid: object.metadata.uid }, (current) => {
      const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== finalizer)
      const { finalizers: _, ...metadata } = current.metadata
      const next = { ...current, metadata: { ...metadata, ...(finalizers.length > 0 && { finalizers }) } }
      return { object: next, released: isReleased(definition, next) }
    })
  }
}

/** The object is being deleted in a way that concerns its dependents. */
function isDependentsTurn({ deletionTimestamp, finalizers = [] }: KubeObject['metadata']): boolean {
  return (
    deletionTimestamp !== undefined &&
    (finalizers.includes(orphanFinalizer) || finalizers.includes(foregroundFinalizer))
  )
}
