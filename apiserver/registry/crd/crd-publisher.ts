import type { Clock } from '../../../apimachinery/clock.ts'
import { timestamp } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { isConflict, isNotFound } from '../../../apimachinery/status-error.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import type { ResourceCache } from '../../cache/cache.ts'
import { decideDeletion, isReleased } from '../deletion.ts'
import { objectAt, textAt, type KubeObject } from '../kube-object.ts'
import type { ObjectStore } from '../object-store.ts'
import { keyOf, type ResourceDefinition } from '../resource-definition.ts'
import type { ResourceMap } from '../resource-map.ts'
import { hasCondition, setCondition } from './crd-conditions.ts'
import { cleanupFinalizer, customResourceDefinitions } from './crd-kind.ts'
import { nameConflict } from './crd-names.ts'
import { definitionsOf, prefixOfCrd } from './custom-resource.ts'

export interface CrdPublisherDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly clock: Clock
  readonly log: Logger
}

const retryMs = 1000

/** Serves what the stored CRDs define, as they come, change and go. Runs in every API server alike. */
export class CrdPublisher {
  readonly #deps: CrdPublisherDeps
  readonly #dirty = new Set<string>()
  readonly #prefixes = new Map<string, string>()
  #cache: ResourceCache | undefined
  #working: Promise<void> | undefined
  #signal: AbortSignal = AbortSignal.abort()

  constructor(deps: CrdPublisherDeps) {
    this.#deps = deps
  }

  /** Resolves once every CRD that is stored now has been looked at; goes on until `signal` is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    const cache = await this.#deps.objects.cache(customResourceDefinitions, signal)
    this.#cache = cache
    this.#subscribe(cache)
    await this.#working
  }

  #subscribe(cache: ResourceCache): void {
    const { prefix } = customResourceDefinitions.stored
    for (const { key } of cache.list(prefix)) this.#dirty.add(key)
    for (const key of this.#prefixes.keys()) this.#dirty.add(key)
    const stop = cache.subscribe(prefix, cache.revision, {
      onEvents: (events) => {
        for (const { item } of events) this.#dirty.add(item.key)
        this.#wake()
      },
      onReset: () => void this.start(this.#signal),
    })
    this.#signal.addEventListener('abort', stop, { once: true })
    this.#wake()
  }

  #wake(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
      if (this.#dirty.size > 0 && !this.#signal.aborted) this.#wake()
    })
  }

  async #work(): Promise<void> {
    // Leave the subscriber's call first: it must not be re-entered.
    await Promise.resolve()
    for (const key of this.#dirty) {
      if (this.#signal.aborted) return
      this.#dirty.delete(key)
      try {
        await this.#reconcile(key)
      } catch (error) {
        if (this.#signal.aborted) return
        if (!isConflict(error)) this.#deps.log.error('Reconciling CRD failed', { crd: key, error })
        this.#deps.clock.after(retryMs, () => {
          this.#dirty.add(key)
          this.#wake()
        })
      }
    }
  }

  async #reconcile(key: string): Promise<void> {
    const crd = this.#cache?.get(key)?.object as KubeObject | undefined
    if (!crd) return this.#withdraw(key)
    this.#prefixes.set(key, prefixOfCrd(crd))
    const status = this.#statusOf(crd)
    // Serve first: whoever sees Established in the object can use the kind at once.
    if (hasCondition(status, 'Established')) this.#publish(key, crd)
    if (!jsonEqual(status, objectAt(crd, 'status'))) await this.#writeStatus(crd, status)
    if (crd.metadata.deletionTimestamp !== undefined) await this.#cleanUp(crd)
  }

  #publish(key: string, crd: KubeObject): void {
    const { resources, log } = this.#deps
    const definitions = definitionsOf(crd)
    if (definitions.length === 0)
      log.warn('CRD has no version that can be served', { crd: crd.metadata.name })
    resources.publish(key, definitions)
  }

  #withdraw(key: string): void {
    const prefix = this.#prefixes.get(key)
    this.#prefixes.delete(key)
    this.#deps.resources.publish(key, [])
    if (prefix !== undefined) this.#deps.objects.drop(prefix)
  }

  #statusOf(crd: KubeObject): JsonObject {
    const now = timestamp(this.#deps.clock)
    const current = objectAt(crd, 'status')
    const conflict = nameConflict(crd, this.#others(crd))
    if (conflict !== undefined) {
      return setCondition(current, now, { type: 'NamesAccepted', status: 'False', ...conflict })
    }
    const accepted = setCondition({ ...current, acceptedNames: objectAt(crd, 'spec', 'names') }, now, {
      type: 'NamesAccepted',
      status: 'True',
      reason: 'NoConflicts',
      message: 'no conflicts found',
    })
    return setCondition(accepted, now, {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    })
  }

  /** CRDs of the same group that were there first. */
  #others(crd: KubeObject): KubeObject[] {
    const group = textAt(crd, 'spec', 'group')
    const items = this.#cache?.list(customResourceDefinitions.stored.prefix) ?? []
    return items
      .map(({ object }) => object as KubeObject)
      .filter((other) => other.metadata.uid !== crd.metadata.uid && textAt(other, 'spec', 'group') === group)
  }

  async #writeStatus(crd: KubeObject, status: JsonObject): Promise<void> {
    await this.#change(crd, (current) => ({ ...current, status }))
  }

  async #change(crd: KubeObject, edit: (current: KubeObject) => KubeObject): Promise<void> {
    const { objects } = this.#deps
    const key = keyOf(customResourceDefinitions, '', crd.metadata.name ?? '')
    await objects
      .change(
        customResourceDefinitions,
        key,
        (current) => {
          if (!current || current.metadata.uid !== crd.metadata.uid) throw new Gone()
          const object = edit(current)
          return { type: isReleased(customResourceDefinitions, object) ? 'remove' : 'write', object }
        },
        { dryRun: false, signal: this.#signal },
      )
      .catch((error: unknown) => {
        if (!(error instanceof Gone)) throw error
      })
  }

  async #cleanUp(crd: KubeObject): Promise<void> {
    if (!crd.metadata.finalizers?.includes(cleanupFinalizer)) return
    const remaining = await this.#deleteInstances(crd)
    const key = keyOf(customResourceDefinitions, '', crd.metadata.name ?? '')
    if (remaining > 0) {
      this.#deps.clock.after(retryMs, () => {
        this.#dirty.add(key)
        this.#wake()
      })
      return
    }
    await this.#change(crd, (current) => {
      const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer)
      return { ...current, metadata: { ...current.metadata, finalizers } }
    })
  }

  /** How many are still there because of finalizers of their own. */
  async #deleteInstances(crd: KubeObject): Promise<number> {
    const definition = definitionsOf(crd)[0]
    if (!definition) return 0
    const { objects } = this.#deps
    const cache = await objects.caughtUp(definition, undefined, this.#signal)
    let remaining = 0
    for (const { key } of cache.list(definition.stored.prefix)) {
      const removed = await this.#deleteInstance(definition, key)
      if (!removed) remaining += 1
    }
    return remaining
  }

  async #deleteInstance(definition: ResourceDefinition, key: string): Promise<boolean> {
    const { objects, clock } = this.#deps
    try {
      const { outcome } = await objects.change(
        definition,
        key,
        (current) => {
          if (!current) throw new Gone()
          return decideDeletion(definition, current, {}, timestamp(clock))
        },
        { dryRun: false, signal: this.#signal },
      )
      return outcome === 'removed'
    } catch (error) {
      if (error instanceof Gone || isNotFound(error)) return true
      throw error
    }
  }
}

/** The object went away, or was replaced by another of its name, while it was being worked on. */
class Gone extends Error {
  override readonly name = 'Gone'
}
