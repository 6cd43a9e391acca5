import type { Clock } from '../../../apimachinery/clock.ts'
import { timestamp } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { isNotFound } from '../../../apimachinery/status-error.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import type { ResourceCache } from '../../cache/cache.ts'
import { decideDeletion, isReleased } from '../deletion.ts'
import { objectAt, textAt, type KubeObject } from '../kube-object.ts'
import type { ObjectStore } from '../object-store.ts'
import { follow } from '../follow.ts'
import { KeyQueue } from '../key-queue.ts'
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
  readonly signal: AbortSignal
}

const recheckMs = 500

/** Serves what the stored CRDs define, as they come, change and go. Runs in every API server alike. */
export class CrdPublisher {
  readonly #deps: CrdPublisherDeps
  readonly #queue: KeyQueue
  readonly #prefixes = new Map<string, string>()
  /** The specs that are being served: status writes alone change nothing for clients. */
  readonly #published = new Map<string, JsonObject>()
  #cache: ResourceCache | undefined

  constructor(deps: CrdPublisherDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({ ...deps, name: 'CRD publication', work: (key) => this.#reconcile(key) })
  }

  /** Resolves once every CRD that is stored now has been looked at; goes on until the signal is aborted. */
  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    this.#cache = await objects.cache(customResourceDefinitions, signal)
    await follow(objects, customResourceDefinitions, signal, {
      onPresent: (items) => {
        for (const { key } of items) this.#queue.add(key)
        for (const key of this.#prefixes.keys()) this.#queue.add(key)
      },
      onEvents: (events) => {
        for (const { item } of events) this.#queue.add(item.key)
      },
    })
    await this.#queue.idle()
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
    const spec = objectAt(crd, 'spec')
    if (jsonEqual(this.#published.get(key), spec)) return
    this.#published.set(key, spec)
    const definitions = definitionsOf(crd)
    if (definitions.length === 0)
      log.warn('CRD has no version that can be served', { crd: crd.metadata.name })
    resources.publish(key, definitions)
  }

  #withdraw(key: string): void {
    const prefix = this.#prefixes.get(key)
    this.#prefixes.delete(key)
    this.#published.delete(key)
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
        { dryRun: false, signal: this.#deps.signal },
      )
      .catch((error: unknown) => {
        if (!(error instanceof Gone)) throw error
      })
  }

  async #cleanUp(crd: KubeObject): Promise<void> {
    if (!crd.metadata.finalizers?.includes(cleanupFinalizer)) return
    const remaining = await this.#deleteInstances(crd)
    if (remaining > 0) {
      this.#queue.addAfter(keyOf(customResourceDefinitions, '', crd.metadata.name ?? ''), recheckMs)
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
    const cache = await objects.caughtUp(definition, undefined, this.#deps.signal)
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
        { dryRun: false, signal: this.#deps.signal },
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
