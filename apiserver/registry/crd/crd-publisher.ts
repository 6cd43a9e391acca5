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
import type { WebhookClients } from '../../webhook/webhook-clients.ts'
import { hasCondition } from './crd-conditions.ts'
import { cleanupFinalizer, customResourceDefinitions } from './crd-kind.ts'
import { hasItsNames } from './crd-names.ts'
import { statusOf } from './crd-status.ts'
import { definitionsOf, prefixOfCrd, storageDefinitionOf } from './custom-resource.ts'

export interface CrdPublisherDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly clock: Clock
  readonly log: Logger
  /** Where conversion webhooks are called from. */
  readonly webhooks: WebhookClients
  readonly signal: AbortSignal
}

/** What of a CRD is being served. */
interface Publication {
  /** Spec and accepted names: while they stay, so do the watches. */
  readonly served: JsonObject
  readonly terminating: boolean
  readonly withdrawal: AbortController
}

const recheckMs = 500

/** Serves what the stored CRDs define, as they come, change and go. Runs in every API server alike. */
export class CrdPublisher {
  readonly #deps: CrdPublisherDeps
  readonly #queue: KeyQueue
  readonly #prefixes = new Map<string, string>()
  readonly #published = new Map<string, Publication>()
  /** What this server has just written: the cache may not have it yet when the next CRD is looked at. */
  readonly #written = new Map<string, KubeObject>()
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
    const crd = this.#current(key)
    if (!crd) return this.#withdraw(key)
    this.#prefixes.set(key, prefixOfCrd(crd))
    const status = this.#statusOf(crd)
    const next = { ...crd, status }
    // Serve first: whoever sees Established in the object can use the kind at once.
    if (hasCondition(status, 'Established')) this.#publish(key, next)
    if (!jsonEqual(status, objectAt(crd, 'status'))) {
      await this.#change(crd, (current) => ({ ...current, status: this.#statusOf(current) }))
      // Names that were given up are free for others.
      this.#lookAgain(crd)
    }
    if (crd.metadata.deletionTimestamp !== undefined) await this.#cleanUp(next)
  }

  /** The CRD as it is in the cache, or as this server wrote it since. */
  #current(key: string): KubeObject | undefined {
    const cached = this.#cache?.get(key)?.object as KubeObject | undefined
    const written = this.#written.get(key)
    if (!cached || !written || written.metadata.uid !== cached.metadata.uid) {
      this.#written.delete(key)
      return cached
    }
    if (revisionOf(written) > revisionOf(cached)) return written
    this.#written.delete(key)
    return cached
  }

  #publish(key: string, crd: KubeObject): void {
    const { resources, log, webhooks, signal } = this.#deps
    const served: JsonObject = {
      spec: objectAt(crd, 'spec'),
      names: objectAt(crd, 'status', 'acceptedNames'),
    }
    const terminating = crd.metadata.deletionTimestamp !== undefined
    const before = this.#published.get(key)
    const same = before !== undefined && jsonEqual(before.served, served)
    if (same && before.terminating === terminating) return
    const withdrawal = same ? before.withdrawal : new AbortController()
    this.#published.set(key, { served, terminating, withdrawal })
    const definitions = definitionsOf(crd, { webhooks, signal, withdrawn: withdrawal.signal })
    if (definitions.length === 0)
      log.warn('CRD has no version that can be served', { crd: crd.metadata.name })
    resources.publish(key, definitions)
    if (!same) before?.withdrawal.abort()
  }

  #withdraw(key: string): void {
    const prefix = this.#prefixes.get(key)
    const before = this.#published.get(key)
    this.#prefixes.delete(key)
    this.#published.delete(key)
    this.#deps.resources.publish(key, [])
    before?.withdrawal.abort()
    if (prefix !== undefined) this.#deps.objects.drop(prefix)
    for (const crd of this.#all()) if (!hasItsNames(crd)) this.#queue.add(keyOfCrd(crd))
  }

  #statusOf(crd: KubeObject): JsonObject {
    const group = textAt(crd, 'spec', 'group')
    const others = this.#all().filter(
      (other) => other.metadata.uid !== crd.metadata.uid && textAt(other, 'spec', 'group') === group,
    )
    return statusOf(crd, others, timestamp(this.#deps.clock))
  }

  #all(): KubeObject[] {
    const items = this.#cache?.list(customResourceDefinitions.stored.prefix) ?? []
    return items.flatMap(({ key }) => this.#current(key) ?? [])
  }

  #lookAgain(changed: KubeObject): void {
    const group = textAt(changed, 'spec', 'group')
    for (const crd of this.#all()) {
      if (textAt(crd, 'spec', 'group') === group && !hasItsNames(crd)) this.#queue.add(keyOfCrd(crd))
    }
  }

  async #change(crd: KubeObject, edit: (current: KubeObject) => KubeObject): Promise<void> {
    const { objects } = this.#deps
    const key = keyOfCrd(crd)
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
      .then(({ object, outcome }) => {
        if (outcome !== 'removed') this.#written.set(key, object)
      })
      .catch((error: unknown) => {
        if (!(error instanceof Gone)) throw error
      })
  }

  async #cleanUp(crd: KubeObject): Promise<void> {
    if (!crd.metadata.finalizers?.includes(cleanupFinalizer)) return
    const remaining = await this.#deleteInstances(crd)
    if (remaining > 0) {
      this.#queue.addAfter(keyOfCrd(crd), recheckMs)
      return
    }
    await this.#change(crd, (current) => {
      const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer)
      return { ...current, metadata: { ...current.metadata, finalizers } }
    })
  }

  /** How many are still there because of finalizers of their own. */
  async #deleteInstances(crd: KubeObject): Promise<number> {
    const { objects, webhooks, signal } = this.#deps
    const withdrawn = AbortSignal.abort()
    const definition = storageDefinitionOf(crd, { webhooks, signal, withdrawn })
    if (!definition) return 0
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

const keyOfCrd = (crd: KubeObject) => keyOf(customResourceDefinitions, '', crd.metadata.name ?? '')

const revisionOf = ({ metadata }: KubeObject) => Number(metadata.resourceVersion)

/** The object went away, or was replaced by another of its name, while it was being worked on. */
class Gone extends Error {
  override readonly name = 'Gone'
}
