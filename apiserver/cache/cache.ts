import type { JsonObject } from '../../crds/meta/json.ts'

/**
 * One object as the cache holds it: its JSON, and its parsed form while that is in use. Both are frozen by
 * convention: never change either; copy on write.
 */
export interface CachedObject {
  readonly key: string
  /** The object as served, `metadata.resourceVersion` set. Parsing it again may be due: ask once, and when needed. */
  readonly object: JsonObject
  /** The object's metadata but for managedFields and annotations, always at hand. */
  readonly metadata: JsonObject
  /** The JSON bytes of `object`. */
  readonly json: Buffer
  readonly revision: number
}

export type CacheEvent =
  | { readonly type: 'ADDED'; readonly item: CachedObject }
  | { readonly type: 'MODIFIED'; readonly item: CachedObject; readonly previous: CachedObject }
  /** `item` is the last state, with the deletion's revision as resourceVersion. */
  | { readonly type: 'DELETED'; readonly item: CachedObject; readonly previous: CachedObject }

/** What one resource (a key prefix such as `/registry/kvorum.dev/virtualmachines/`) offers to the handlers. */
export interface ResourceCache {
  /** True once the first listing is in. */
  readonly synced: boolean
  /** Everything up to this revision has been seen. */
  readonly revision: number
  /** Resolves when the cache has seen `revision`; rejects on `signal`. */
  waitFor(revision: number, signal: AbortSignal): Promise<void>
  get(key: string): CachedObject | undefined
  /** Keys with values that cannot be decrypted: they exist, and neither `get` nor `list` shows them. */
  readonly sealed: ReadonlySet<string>
  /** In key order. `prefix` narrows to a namespace. */
  list(prefix: string): readonly CachedObject[]
  /**
   * Subscribes from just after `afterRevision`. Events still in the ring are replayed to `onEvents` before this returns;
   * throws a StorageError `compacted` when the ring no longer reaches back that far. `onEvents` gets all events of one
   * tick at once and is never called re-entrantly. Events are delivered in the same step in which `get`, `list`
   * and `revision` change, so a bookmark may carry `revision` at any time: everything up to it was delivered.
   */
  subscribe(prefix: string, afterRevision: number, subscriber: CacheSubscriber): () => void
}

export interface CacheSubscriber {
  onEvents(events: readonly CacheEvent[], revision: number): void
  /** The cache had to be rebuilt (history lost): the watch must end with 410 so that the client lists again. */
  onReset(): void
}

/**
 * Holds a ResourceCache per resource prefix on ONE storage watch over the whole `/registry/` prefix, so that every
 * revision passes by and a consistent read is: ask the store for its revision, wait until the cache has seen it.
 */
export interface WatchCache {
  /** Starts caching `prefix` (idempotent) and resolves once it is synced. */
  open(prefix: string, signal: AbortSignal): Promise<ResourceCache>
  /** Stops caching `prefix`, ending its subscriptions with `onReset`. */
  drop(prefix: string): void
  /** The newest revision seen on the storage watch. */
  readonly revision: number
  /** The revision a consistent read has to wait for; concurrent callers share one storage round trip. */
  consistentRevision(signal: AbortSignal): Promise<number>
  close(): Promise<void>
}
