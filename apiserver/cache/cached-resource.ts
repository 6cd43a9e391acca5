import type { Logger } from '../../apimachinery/log.ts'
import type { StorageEvent, StoredItem } from '../storage/storage.ts'
import { isSealed } from '../storage/sealed-value.ts'
import { StorageError } from '../storage/storage.ts'
import type { CachedObject, CacheEvent, CacheSubscriber, ResourceCache } from './cache.ts'
import { atRevision, toCachedObject } from './cached-object.ts'
import type { ParsedObjects } from './parsed-objects.ts'
import { RevisionLog } from './revision-log.ts'
import { SortedItems } from './sorted-items.ts'

/** How far back watches can resume, and later ones begin. */
const kept = { entries: 10_000, bytes: 16 << 20 }
/** An event and its object without the JSON. */
const entryBytes = 1000

/** How far the storage watch has come, which is the same for every resource. */
export interface Progress {
  revision(): number
  waitFor(revision: number, signal: AbortSignal): Promise<void>
}

export interface CachedResourceDeps {
  readonly progress: Progress
  /** Shared by all resources. */
  readonly parsed: ParsedObjects
  readonly log: Logger
}

interface Subscription {
  readonly prefix: string
  readonly subscriber: CacheSubscriber
  /** Of the next event in the log. */
  place: number
  /** Events up to here are not wanted, for a subscription ahead of the cache. */
  readonly afterRevision: number
}

/** The objects under one prefix, their last events, and who wants to hear of them. */
export class CachedResource implements ResourceCache {
  readonly prefix: string
  readonly #progress: Progress
  readonly #parsed: ParsedObjects
  readonly #log: Logger
  readonly #items = new SortedItems()
  readonly #events: RevisionLog<CacheEvent>
  readonly #subscriptions = new Set<Subscription>()
  /** Keys whose values were found to be unreadable, so that each is logged once. */
  readonly #unreadable = new Set<string>()
  readonly #sealed = new Set<string>()
  #synced = false

  constructor(prefix: string, { progress, parsed, log }: CachedResourceDeps) {
    this.prefix = prefix
    this.#progress = progress
    this.#parsed = parsed
    this.#log = log
    this.#events = new RevisionLog(0, {
      revisionOf: (event) => event.item.revision,
      sizeOf: (event) => event.item.json.length + entryBytes,
    })
  }

  get sealed(): ReadonlySet<string> {
    return this.#sealed
  }

  get synced(): boolean {
    return this.#synced
  }

  get revision(): number {
    return this.#progress.revision()
  }

  waitFor(revision: number, signal: AbortSignal): Promise<void> {
    return this.#progress.waitFor(revision, signal)
  }

  get(key: string): CachedObject | undefined {
    return this.#items.get(key)
  }

  list(prefix: string): readonly CachedObject[] {
    return this.#items.list(prefix)
  }

  subscribe(prefix: string, afterRevision: number, subscriber: CacheSubscriber): () => void {
    const events = this.#events
    if (afterRevision < events.start) {
      throw new StorageError(
        'compacted',
        `events of ${this.prefix} are held after revision ${events.start} only`,
      )
    }
    const place = events.placeAfter(afterRevision)
    const subscription: Subscription = { prefix, subscriber, place, afterRevision }
    this.#subscriptions.add(subscription)
    this.#deliverTo(subscription)
    return () => void this.#subscriptions.delete(subscription)
  }

  /** Forgets everything, ends the subscriptions and stands at `revision`; listed items and later events come next. */
  begin(revision: number): void {
    this.endSubscriptions()
    this.#items.clear()
    this.#unreadable.clear()
    this.#sealed.clear()
    this.#events.reset(revision)
    this.#synced = false
  }

  /** Takes items of a listing, without events. */
  load(items: readonly StoredItem[]): void {
    for (const stored of items) {
      const item = this.#read(stored)
      if (item) this.#items.set(item)
    }
  }

  /** From now on `apply` is called for every event in the store. */
  markSynced(): void {
    this.#synced = true
  }

  apply(event: StorageEvent): void {
    const { key, revision } = event
    const item = event.type === 'put' ? this.#read(event) : undefined
    if (event.type === 'delete') {
      this.#unreadable.delete(key)
      this.#sealed.delete(key)
    }
    if (item) this.#put(item)
    else this.#remove(key, revision)
  }

  /**
   * Takes a full listing at `revision` in place of events that were lost, as the events that lead there. An object
   * that was replaced by another of the same name is a deletion and an addition.
   */
  reconcile(listed: readonly StoredItem[], revision: number): void {
    const present = new Set(listed.map((item) => item.key))
    const changes: StorageEvent[] = []
    for (const { key } of this.#items.list('')) {
      if (!present.has(key)) changes.push({ type: 'delete', key, revision })
    }
    for (const { key, value, revision: written } of listed) {
      const known = this.#items.get(key)
      if (known?.revision === written) continue
      changes.push({ type: 'put', key, value, revision: written, created: known === undefined })
    }
    changes.sort((one, other) => one.revision - other.revision)
    for (const change of changes) this.apply(change)
  }

  /** Takes a full listing at `revision` as all there is to know. */
  restart(listed: readonly StoredItem[], revision: number): void {
    this.begin(revision)
    this.load(listed)
    this.markSynced()
  }

  /** Hands out what came since the last call. */
  deliver(): void {
    for (const subscription of this.#subscriptions) this.#deliverTo(subscription)
    this.#events.trim(kept)
  }

  /** Ends every subscription with `onReset`. */
  endSubscriptions(): void {
    for (const subscription of this.#subscriptions) this.#end(subscription)
  }

  #end(subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
    try {
      subscription.subscriber.onReset()
    } catch (error) {
      this.#log.error('A watch failed while it was ended', { prefix: this.prefix, error })
    }
  }

  #deliverTo(subscription: Subscription): void {
    const { prefix, subscriber, place, afterRevision } = subscription
    if (place === this.#events.end) return
    const all = this.#events.from(place)
    if (all === undefined) return this.#end(subscription)
    subscription.place = this.#events.end
    const isAll = prefix === this.prefix && (all[0]?.item.revision ?? 0) > afterRevision
    const events = isAll
      ? all
      : all.filter(({ item }) => item.revision > afterRevision && item.key.startsWith(prefix))
    if (events.length === 0) return
    try {
      subscriber.onEvents(events, this.revision)
    } catch (error) {
      // One broken watch must not cost the others their events.
      this.#log.error('A watch failed to take events', { prefix: this.prefix, error })
      this.#subscriptions.delete(subscription)
    }
  }

  #put(item: CachedObject): void {
    const previous = this.#items.get(item.key)
    if (previous && isReplaced(previous, item)) {
      // Its deletion was not seen; whenever it was, it came before the new one.
      this.#remove(item.key, item.revision - 1)
      return this.#put(item)
    }
    this.#items.set(item)
    this.#events.push(previous ? { type: 'MODIFIED', item, previous } : { type: 'ADDED', item })
  }

  #remove(key: string, revision: number): void {
    const previous = this.#items.get(key)
    if (!previous) return
    this.#items.delete(key)
    this.#events.push({ type: 'DELETED', item: atRevision(previous, revision, this.#parsed), previous })
  }

  #read(stored: StoredItem): CachedObject | undefined {
    const { key, revision } = stored
    const item = toCachedObject(stored, this.#parsed)
    this.#sealed.delete(key)
    if (item) this.#unreadable.delete(key)
    else {
      const sealed = isSealed(stored.value)
      if (sealed) this.#sealed.add(key)
      if (!this.#unreadable.has(key)) {
        const why = sealed ? 'is encrypted with an unknown key' : 'is not a JSON object with metadata'
        this.#log.warn(`Skipped a value that ${why}`, { key, revision })
      }
      this.#unreadable.add(key)
    }
    return item
  }
}

/** True when the two are different objects that had the same name one after the other. */
function isReplaced(previous: CachedObject, next: CachedObject): boolean {
  return uidOf(previous) !== uidOf(next)
}

function uidOf({ metadata }: CachedObject): unknown {
  return metadata['uid']
}
