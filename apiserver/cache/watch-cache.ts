import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../apimachinery/clock.ts'
import { sleep } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Storage, StorageEvent, StoredItem } from '../storage/storage.ts'
import { isStorageError, StorageError } from '../storage/storage.ts'
import type { ResourceCache, WatchCache } from './cache.ts'
import { CachedResource } from './cached-resource.ts'
import { EventFeed } from './event-feed.ts'
import { findHistory } from './storage-history.ts'
import { ParsedObjects } from './parsed-objects.ts'
import { RevisionWaiters } from './revision-waiters.ts'
import { SharedRead } from './shared-read.ts'

/** How far back events are kept for resources that are opened later, and so for watches that resume on them. */
const history = { entries: 10_000, bytes: 8 << 20 }
/** JSON of the objects whose parsed form is kept: those that a burst of writes and reads is about. */
const parsedBytes = 2 << 20
const pageSize = 500
/** Objects that are parsed in one go: a few milliseconds of work. */
const sliceSize = 100
const retryMs = 500

export interface WatchCacheOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Starts the storage watch at once, as far back as history allows, so that clients that watched through another
 * server, or this one before a restart, can resume.
 */
export function watchCache(options: WatchCacheOptions): WatchCache {
  return new StorageWatchCache(options)
}

interface Opened {
  readonly resource: CachedResource
  readonly loaded: Promise<void>
}

class StorageWatchCache implements WatchCache {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #log: Logger
  readonly #closing = new AbortController()
  readonly #waiters = new RevisionWaiters()
  readonly #opened = new Map<string, Opened>()
  /** Prefixes that were synced once: the feed did not keep their events. */
  readonly #taken = new Set<string>()
  readonly #parsed = new ParsedObjects(parsedBytes)
  readonly #feed: EventFeed
  readonly #storeRevision: SharedRead<number>
  readonly #started: Promise<void>
  /** The store's revision at the start: before the feed is there, what it shows is the past. */
  #startRevision = 0
  readonly #running: Promise<void>

  constructor({ storage, clock, log }: WatchCacheOptions) {
    this.#storage = storage
    this.#clock = clock
    this.#log = log
    this.#feed = new EventFeed({
      history,
      apply: (event) => this.#apply(event),
      deliver: () => this.#deliver(),
    })
    const { signal } = this.#closing
    this.#storeRevision = new SharedRead(() => storage.currentRevision(signal))
    this.#started = this.#start()
    this.#running = this.#started.then(() => this.#run()).catch((error: unknown) => this.#stopped(error))
  }

  get revision(): number {
    return this.#feed.revision
  }

  async open(prefix: string, signal: AbortSignal): Promise<ResourceCache> {
    this.#closing.signal.throwIfAborted()
    if (!prefix.endsWith('/')) throw new TypeError(`a resource prefix ends with a slash: ${prefix}`)
    const opened = this.#opened.get(prefix) ?? this.#begin(prefix)
    await orAborted(opened.loaded, [signal, this.#closing.signal])
    return opened.resource
  }

  drop(prefix: string): void {
    const opened = this.#opened.get(prefix)
    this.#opened.delete(prefix)
    opened?.resource.endSubscriptions()
  }

  consistentRevision(signal: AbortSignal): Promise<number> {
    return orAborted(this.#storeRevision.get(), [signal, this.#closing.signal])
  }

  async close(): Promise<void> {
    const closed = new StorageError('unavailable', 'the cache is closed')
    this.#closing.abort(closed)
    this.#waiters.reject(closed)
    await this.#running
  }

  #begin(prefix: string): Opened {
    const progress = {
      revision: () => this.#feed.revision,
      waitFor: (revision: number, signal: AbortSignal) => this.#waitFor(revision, signal),
    }
    const resource = new CachedResource(prefix, { progress, parsed: this.#parsed, log: this.#log })
    const load = async () => {
      await this.#started
      await this.#load(resource)
      await this.#waitFor(this.#startRevision, this.#closing.signal)
    }
    const opened = { resource, loaded: load() }
    this.#opened.set(prefix, opened)
    // The next caller starts afresh.
    opened.loaded.catch(() => {
      if (this.#opened.get(prefix) === opened) this.#opened.delete(prefix)
    })
    return opened
  }

  #waitFor(revision: number, signal: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason as Error)
    return revision <= this.#feed.revision ? Promise.resolve() : this.#waiters.wait(revision, signal)
  }

  /**
   * Lists the resource as it was at the start of the feed's history and replays the events since then, so that
   * watches can resume from before the cache was opened. Where that is compacted, it starts from the present.
   */
  async #load(resource: CachedResource): Promise<void> {
    for (;;) {
      const { epoch } = this.#feed
      const isKept = !this.#taken.has(resource.prefix)
      const isLoaded =
        (isKept && (await this.#loadFrom(resource, this.#feed.start))) ||
        (await this.#loadFrom(resource, this.#feed.revision))
      if (isLoaded) return
      if (epoch === this.#feed.epoch) await this.#pause()
    }
  }

  /** False when `revision` is compacted, or the feed was rebuilt meanwhile. */
  async #loadFrom(resource: CachedResource, revision: number): Promise<boolean> {
    const replay = this.#feed.replayFrom(revision)
    try {
      resource.begin(revision)
      await this.#list(resource.prefix, revision, (items) => resource.load(items))
      for (;;) {
        const events = replay.next(sliceSize)
        if (events === undefined) return false
        if (events.length === 0) break
        for (const event of events) {
          if (event.key.startsWith(resource.prefix)) resource.apply(event)
        }
        await setImmediate()
      }
      // Nothing was awaited since the replay reached the end, so the next event is the feed's.
      resource.markSynced()
      this.#taken.add(resource.prefix)
      return true
    } catch (error) {
      if (isStorageError(error, 'compacted')) return false
      throw error
    } finally {
      replay.end()
    }
  }

  async #list(prefix: string, revision: number, take: (items: readonly StoredItem[]) => void): Promise<void> {
    const { signal } = this.#closing
    let startAfter: string | undefined
    for (;;) {
      const options = {
        revision,
        limit: pageSize,
        signal,
        ...(startAfter === undefined ? {} : { startAfter }),
      }
      const page = await this.#storage.list(prefix, options)
      for (let from = 0; from < page.items.length; from += sliceSize) {
        take(page.items.slice(from, from + sliceSize))
        await setImmediate()
      }
      startAfter = page.items.at(-1)?.key
      if (page.remaining === 0 || startAfter === undefined) return
    }
  }

  async #start(): Promise<void> {
    const { signal } = this.#closing
    const { oldest, current } = await this.#persist(() => findHistory(this.#storage, history.entries, signal))
    this.#feed.reset(oldest)
    this.#startRevision = current
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        for await (const batch of this.#storage.watch('', this.#feed.received, signal))
          await this.#feed.take(batch)
      } catch (error) {
        if (signal.aborted) return
        if (isStorageError(error, 'compacted')) await this.#persist(() => this.#rebuild())
        else {
          this.#log.error('The storage watch failed', { error })
          await this.#pause()
        }
      }
    }
  }

  /** The storage watch lost its place: brings every resource to the present by listing it. */
  async #rebuild(): Promise<void> {
    const { signal } = this.#closing
    await this.#feed.drained()
    const revision = await this.#storage.currentRevision(signal)
    this.#log.warn('Lost history, listing everything', { seen: this.#feed.revision, revision })
    // Revisions of a store that was restored from a backup mean something else now: clients have to start anew.
    const isOtherHistory = revision < this.#feed.revision
    const listings = new Map<CachedResource, StoredItem[]>()
    for (;;) {
      // A resource may become synced while others are listed.
      const resource = this.#syncedResources().find((synced) => !listings.has(synced))
      if (resource === undefined) break
      const items: StoredItem[] = []
      await this.#list(resource.prefix, revision, (page) => void items.push(...page))
      listings.set(resource, items)
    }
    // From here on nothing is awaited: resources and feed arrive at the new revision together.
    for (const [resource, items] of listings) {
      if (isOtherHistory) resource.restart(items, revision)
      else resource.reconcile(items, revision)
    }
    this.#feed.reset(revision)
    this.#deliver()
  }

  #syncedResources(): CachedResource[] {
    return [...this.#opened.values()].flatMap(({ resource }) => (resource.synced ? [resource] : []))
  }

  /** Hands the event to the resource it belongs to, the one whose prefix its key has; false when there is none. */
  #apply(event: StorageEvent): boolean {
    const { key } = event
    let isTaken = false
    for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      const resource = this.#opened.get(key.slice(0, slash + 1))?.resource
      if (!resource?.synced) continue
      resource.apply(event)
      isTaken = true
    }
    return isTaken
  }

  #deliver(): void {
    this.#waiters.reached(this.#feed.revision)
    for (const { resource } of this.#opened.values()) if (resource.synced) resource.deliver()
  }

  async #persist<T>(action: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await action()
      } catch (error) {
        this.#closing.signal.throwIfAborted()
        this.#log.warn('The store does not answer', { error })
        await this.#pause()
      }
    }
  }

  #pause(): Promise<void> {
    return sleep(this.#clock, retryMs, this.#closing.signal)
  }

  #stopped(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#log.error('The watch cache stopped', { error })
  }
}

function orAborted<T>(promise: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (event: Event) => reject((event.target as AbortSignal).reason as Error)
    void promise.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener('abort', abort)
    })
    for (const signal of signals) {
      if (signal.aborted) return reject(signal.reason as Error)
      signal.addEventListener('abort', abort, { once: true })
    }
  })
}
