/**
 * The port to the only durable state there is. Keys are kube-apiserver's (`/registry/<group>/<plural>/…`), values
 * the JSON bytes it would store. A revision is etcd's store-wide counter and becomes `resourceVersion`; it stays
 * far below 2^53, so it is a number.
 */
export interface Storage {
  /** One key, linearizable. `revision` in the answer is the store's at the time of the read. */
  get(
    key: string,
    options?: ReadOptions,
  ): Promise<{ readonly item: StoredItem | undefined; readonly revision: number }>

  /** Every key under `prefix` in key order; all pages of one listing read the same `revision`. */
  list(prefix: string, options?: ListOptions): Promise<StoredPage>

  /** Writes a key that must not exist yet. Throws `key-exists`, `too-large`. */
  create(key: string, value: Buffer, options?: AbortSignal | WriteOptions): Promise<StoredItem>

  /**
   * Writes a key that is still at `expectedRevision`. Throws `revision-conflict` with what is there now
   * (`current` is undefined when the key is gone), or `too-large`. A TTL that the key had is dropped unless a new
   * one is given.
   */
  update(
    key: string,
    value: Buffer,
    expectedRevision: number,
    options?: AbortSignal | WriteOptions,
  ): Promise<StoredItem>

  /** Deletes a key that is still at `expectedRevision`; resolves to the revision of the deletion. */
  delete(key: string, expectedRevision: number, signal?: AbortSignal): Promise<number>

  /**
   * Every change under `prefix` after `afterRevision`, in revision order, none lost or repeated across reconnects.
   * Ends when `signal` is aborted; throws `compacted` when `afterRevision` is no longer held, or
   * never was (the store was restored from a backup), and nothing else: connection loss is retried inside.
   * An empty prefix watches every key there is, and so sees every revision.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StorageBatch>

  /** The store's revision now, linearizable: what a consistent read must have seen. */
  currentRevision(signal?: AbortSignal): Promise<number>

  /** Forgets history at and before `revision`. */
  compact(revision: number): Promise<void>

  close(): Promise<void>
}

export interface StoredItem {
  readonly key: string
  readonly value: Buffer
  /** Revision of the last write to this key: the object's `resourceVersion`. */
  readonly revision: number
  /** It would be written in another form now, such as with another key: any write of it brings it up to date. */
  readonly stale?: boolean
}

export interface ReadOptions {
  /** Reads history at this revision; throws `compacted` when it is gone, `future-revision` when it is not there yet. */
  readonly revision?: number
  readonly signal?: AbortSignal
}

/** A bare signal in its place is short for `{ signal }`. */
export interface WriteOptions {
  readonly signal?: AbortSignal
  /** Whole seconds, at least 1: the store deletes the key by itself that long after this write, or a little later. */
  readonly ttlSeconds?: number
}

export interface ListOptions extends ReadOptions {
  readonly limit?: number
  /** Exclusive: the last key of the page before. */
  readonly startAfter?: string
}

export interface StoredPage {
  readonly items: readonly StoredItem[]
  readonly revision: number
  /** Keys after this page; 0 when it is the last. */
  readonly remaining: number
}

export type StorageEvent =
  | {
      readonly type: 'put'
      readonly key: string
      readonly value: Buffer
      readonly revision: number
      readonly created: boolean
    }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number }

export interface StorageBatch {
  readonly events: readonly StorageEvent[]
  /** The watcher has now seen everything up to here. */
  readonly revision: number
}

/** Base of every error that the port throws on purpose; told apart by `code`. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code:
    | 'key-exists'
    | 'revision-conflict'
    | 'compacted'
    | 'future-revision'
    | 'too-large'
    | 'unavailable'
    /** There is a value, and it cannot be made sense of: its key of encryption is missing. */
    | 'unreadable'
  /** What is stored now, for `key-exists` and `revision-conflict` (undefined: the key is gone or was not read). */
  readonly current: StoredItem | undefined

  constructor(
    code: StorageError['code'],
    message: string,
    options: { current?: StoredItem | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.current = options.current
  }
}

export function isStorageError(error: unknown, code: StorageError['code']): error is StorageError {
  return error instanceof StorageError && error.code === code
}

/** Spells out the short form of the write methods' last argument. */
export function toWriteOptions(options: AbortSignal | WriteOptions | undefined): WriteOptions {
  return options instanceof AbortSignal ? { signal: options } : (options ?? {})
}
