import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import { type Clock, sleep } from '../clock.ts'
import type { Logger } from '../log.ts'
import { hasReason } from '../status-error.ts'
import { BackOff } from './back-off.ts'
import { type ApiResource, type Client, keyOf, type ListOptions, type WatchEvent } from './client.ts'
import { IndexedObjects } from './indexed-objects.ts'
import { unlessAborted } from './unless-aborted.ts'

/**
 * A read-only, eventually consistent copy of the objects of one resource. Objects are shared by everybody who asks:
 * never change one.
 */
export interface ObjectCache<T extends KubeObject> {
  /** `key` as `keyOf` makes it: `namespace/name`, or `name` of a cluster-scoped object. */
  get(key: string): Stored<T> | undefined
  /** Everything, or everything in one namespace; in no order. */
  list(namespace?: string): readonly Stored<T>[]
  /** The objects for which the index function called `index` answers `value`. Throws for an unknown index. */
  byIndex(index: string, value: string): readonly Stored<T>[]
}

/** `before` is undefined for an object that is new to the cache, `after` for one that is gone. */
export interface Change<T extends KubeObject> {
  readonly key: string
  readonly before: Stored<T> | undefined
  readonly after: Stored<T> | undefined
}

export interface InformerHealth {
  /** The first listing is in the cache. */
  readonly synced: boolean
  /** A watch is open, so that the cache follows the server. */
  readonly connected: boolean
  /** Milliseconds since the server last said anything: an event, a bookmark, a listing. */
  readonly silentMs: number
}

/**
 * Keeps an `ObjectCache` equal to what the server has: lists, then watches; reconnects by itself with back-off and
 * lists again when the server has forgotten the version, telling handlers the difference.
 */
export interface Informer<T extends KubeObject> extends ObjectCache<T> {
  readonly resource: ApiResource<T>
  /** Begins to fill the cache. A second call has no effect. */
  start(): void
  /** Resolves once the first listing is in the cache; rejects when `signal` is aborted or the informer stopped first. */
  synced(signal?: AbortSignal): Promise<void>
  /**
   * Calls `handler` for every change after the cache has taken it in, beginning with the objects that are there
   * already. Handlers put keys into queues and do nothing else. The returned function ends it.
   */
  onChange(handler: (change: Change<T>) => void): () => void
  health(): InformerHealth
  /** Ends the watch; the cache keeps its last content. */
  stop(): Promise<void>
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client
  readonly resource: ApiResource<T>
  readonly clock: Clock
  readonly log: Logger
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Each function names the values under which `byIndex` finds the object. */
  readonly indexes?: Readonly<Record<string, (object: Stored<T>) => readonly string[]>>
  /** Silence after which a watch is taken for dead; 150 s, since servers send a bookmark about once a minute. */
  readonly idleTimeoutMs?: number
  /** Between 0 and 1, for the jitter of the back-off. */
  readonly random?: () => number
}

const defaultIdleTimeoutMs = 150_000
// A watch that lived this long was a working one: when it ends the next follows after the shortest delay.
const settledAfterMs = 1_000

/** The one implementation of `Informer`. Does nothing before `start`. */
export function informer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  return new ListWatchInformer(options)
}

class ListWatchInformer<T extends KubeObject> implements Informer<T> {
  readonly resource: ApiResource<T>
  readonly #options: InformerOptions<T>
  readonly #log: Logger
  readonly #objects: IndexedObjects<T>
  readonly #handlers = new Set<(change: Change<T>) => void>()
  readonly #stopped = new AbortController()
  readonly #backOff: BackOff
  #loop: Promise<void> | undefined
  /** Where the watch continues; undefined when only a listing can tell. */
  #version: string | undefined
  #synced = Promise.withResolvers<void>()
  #isSynced = false
  #connected = false
  #lastContact: number

  constructor(options: InformerOptions<T>) {
    this.resource = options.resource
    this.#options = options
    this.#log = options.log.child({ resource: options.resource.plural })
    this.#objects = new IndexedObjects(options.indexes ?? {}, (index, error) =>
      this.#log.error('Index function failed', { index, error }),
    )
    this.#backOff = new BackOff({ firstMs: 100, maxMs: 5_000, random: options.random ?? Math.random })
    this.#lastContact = options.clock.monotonic()
    // Stopping before the first listing rejects it, whether or not anybody waits.
    this.#synced.promise.catch(() => {})
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key)
  }

  list(namespace?: string): readonly Stored<T>[] {
    return this.#objects.list(namespace)
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    return this.#objects.byIndex(index, value)
  }

  start(): void {
    if (this.#stopped.signal.aborted) return
    this.#loop ??= this.#run()
  }

  synced(signal?: AbortSignal): Promise<void> {
    return unlessAborted(this.#synced.promise, signal)
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    // A wrapper, so that the same function may be registered twice and each registration ends by itself.
    const registered = (change: Change<T>) => handler(change)
    this.#handlers.add(registered)
    for (const [key, after] of this.#objects.entries())
      this.#tell(registered, { key, before: undefined, after })
    return () => void this.#handlers.delete(registered)
  }

  health(): InformerHealth {
    const silentMs = this.#options.clock.monotonic() - this.#lastContact
    return { synced: this.#isSynced, connected: this.#connected, silentMs }
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error(`the informer of ${this.resource.plural} was stopped`))
    this.#synced.reject(this.#stopped.signal.reason)
    await this.#loop
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const stopped = this.#stopped.signal
    while (!stopped.aborted) {
      const began = clock.monotonic()
      let askedMs = 0
      try {
        if (this.#version === undefined) await this.#list()
        await this.#follow()
        if (clock.monotonic() - began >= settledAfterMs) this.#backOff.reset()
      } catch (error) {
        if (stopped.aborted) return
        this.#failed(error)
        askedMs = retryAfterMs(error)
      } finally {
        this.#connected = false
      }
      await sleep(clock, Math.max(askedMs, this.#backOff.next()), stopped).catch(() => {})
    }
  }

  #failed(error: unknown): void {
    if (hasReason(error, 'Expired', 'Gone')) {
      // The server has forgotten what came after our version; a listing tells.
      this.#version = undefined
      this.#log.info('Listing again, the watch has expired')
      return
    }
    this.#log.warn('Watch failed, trying again', { error })
  }

  async #list(): Promise<void> {
    const { client, resource } = this.#options
    const { items, resourceVersion } = await client.list(resource, {
      ...this.#scope(),
      signal: this.#stopped.signal,
    })
    this.#contact()
    const gone = new Set(this.#objects.keys())
    for (const item of items) {
      gone.delete(keyOf(item.metadata))
      this.#put(item)
    }
    for (const key of gone) this.#remove(key)
    this.#version = resourceVersion
    this.#isSynced = true
    this.#synced.resolve()
  }

  async #follow(): Promise<void> {
    const { client, resource } = this.#options
    const idle = this.#idleSignal()
    try {
      const events = client.watch(resource, {
        ...this.#scope(),
        resourceVersion: this.#version ?? '',
        signal: AbortSignal.any([this.#stopped.signal, idle.signal]),
        onOpen: () => {
          this.#connected = true
          this.#contact()
        },
      })
      for await (const event of events) {
        this.#contact()
        this.#backOff.reset()
        this.#take(event)
      }
      if (idle.signal.aborted) throw idle.signal.reason as Error
    } finally {
      idle.cancel()
    }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#version = event.resourceVersion
      return
    }
    const { object } = event
    if (event.type === 'DELETED') this.#remove(keyOf(object.metadata))
    else this.#put(object)
    this.#version = object.metadata.resourceVersion
  }

  #put(after: Stored<T>): void {
    // Nobody reads them from a cache, and they are half of an object's size.
    delete after.metadata.managedFields
    const key = keyOf(after.metadata)
    const before = this.#objects.get(key)
    if (before !== undefined && isSameVersion(before, after)) return
    if (before !== undefined && before.metadata.uid !== after.metadata.uid) {
      // Deleted and made again while nobody watched: another object under the same name.
      this.#remove(key)
      return this.#put(after)
    }
    this.#objects.put(key, after)
    this.#tellAll({ key, before, after })
  }

  #remove(key: string): void {
    const before = this.#objects.remove(key)
    if (before !== undefined) this.#tellAll({ key, before, after: undefined })
  }

  #tellAll(change: Change<T>): void {
    for (const handler of this.#handlers) this.#tell(handler, change)
  }

  #tell(handler: (change: Change<T>) => void, change: Change<T>): void {
    try {
      handler(change)
    } catch (error) {
      this.#log.error('Handler of a change failed', { key: change.key, error })
    }
  }

  #contact(): void {
    this.#lastContact = this.#options.clock.monotonic()
  }

  #scope(): ListOptions {
    const { namespace, labelSelector, fieldSelector } = this.#options
    return {
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
    }
  }

  /** Aborted once nothing was heard for the idle timeout; one timer however many events there are. */
  #idleSignal(): { readonly signal: AbortSignal; cancel(): void } {
    const { clock, idleTimeoutMs = defaultIdleTimeoutMs } = this.#options
    const controller = new AbortController()
    const began = clock.monotonic()
    let cancel = () => {}
    const check = () => {
      const left = Math.max(began, this.#lastContact) + idleTimeoutMs - clock.monotonic()
      if (left > 0) cancel = clock.after(left, check)
      else controller.abort(new Error(`nothing heard for ${idleTimeoutMs} ms`))
    }
    check()
    return { signal: controller.signal, cancel: () => cancel() }
  }
}

function isSameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion
}

// An overloaded server says how long it wants to be left alone; nobody is kept waiting longer than this by it.
const maxRetryAfterMs = 60_000

function retryAfterMs(error: unknown): number {
  if (!hasReason(error, 'TooManyRequests', 'ServiceUnavailable', 'ServerTimeout')) return 0
  return Math.min(maxRetryAfterMs, (error.details?.retryAfterSeconds ?? 0) * 1000)
}
