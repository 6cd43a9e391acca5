import type { Clock } from '../../../apimachinery/clock.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import type {
  ListOptions,
  ReadOptions,
  Storage,
  StorageBatch,
  StoredItem,
  StoredPage,
  WriteOptions,
} from '../storage.ts'
import { StorageError, toWriteOptions } from '../storage.ts'
import { EventLog } from './event-log.ts'
import { KeyHistory } from './key-history.ts'

/** etcd's default limit on a request, which is what its clients meet. */
const maxRequestBytes = 1.5 * 1024 * 1024

/**
 * A store in this process, for tests and the simulator: revisions, history, compaction, watches and TTLs behave as
 * etcd's do. Nothing survives `close`. `clock` drives the TTLs.
 */
export function memoryStorage(options: { readonly clock?: Clock } = {}): Storage {
  return new MemoryStorage(options.clock ?? systemClock)
}

class MemoryStorage implements Storage {
  readonly #clock: Clock
  readonly #history = new KeyHistory()
  readonly #log = new EventLog()
  readonly #expiries = new Map<string, () => void>()
  /** An empty etcd stands at 1 too. */
  #revision = 1
  #compacted = 0
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async get(key: string, options: ReadOptions = {}) {
    this.#check(options.signal)
    const item = this.#history.at(key, this.#readRevision(options.revision))
    return { item, revision: this.#revision }
  }

  async list(prefix: string, options: ListOptions = {}): Promise<StoredPage> {
    this.#check(options.signal)
    const revision = this.#readRevision(options.revision)
    const from = options.startAfter === undefined ? prefix : `${options.startAfter}\0`
    const items = this.#history.listAt(prefix, from < prefix ? prefix : from, revision)
    const page = items.slice(0, options.limit ?? items.length)
    return { items: page, revision, remaining: items.length - page.length }
  }

  async create(key: string, value: Buffer, options?: AbortSignal | WriteOptions): Promise<StoredItem> {
    const { signal, ttlSeconds } = toWriteOptions(options)
    this.#check(signal)
    checkSize(key, value)
    const current = this.#history.at(key, this.#revision)
    if (current) throw new StorageError('key-exists', `${key} exists`, { current })
    return this.#put(key, value, { created: true, ttlSeconds })
  }

  async update(
    key: string,
    value: Buffer,
    expectedRevision: number,
    options?: AbortSignal | WriteOptions,
  ): Promise<StoredItem> {
    const { signal, ttlSeconds } = toWriteOptions(options)
    this.#check(signal)
    checkSize(key, value)
    this.#expect(key, expectedRevision)
    return this.#put(key, value, { created: false, ttlSeconds })
  }

  async delete(key: string, expectedRevision: number, signal?: AbortSignal): Promise<number> {
    this.#check(signal)
    this.#expect(key, expectedRevision)
    return this.#remove(key)
  }

  async *watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncGenerator<StorageBatch> {
    if (signal.aborted || this.#closed) return
    if (afterRevision < this.#compacted) throw compactedError(afterRevision, this.#compacted)
    // Such a revision belongs to the history of another store.
    if (afterRevision > this.#revision) {
      throw new StorageError(
        'compacted',
        `revision ${afterRevision} never was; the store is at ${this.#revision}`,
      )
    }
    yield* this.#log.watch(prefix, afterRevision, signal)
  }

  async currentRevision(signal?: AbortSignal): Promise<number> {
    this.#check(signal)
    return this.#revision
  }

  async compact(revision: number): Promise<void> {
    this.#check()
    if (revision <= this.#compacted) throw compactedError(revision, this.#compacted)
    if (revision > this.#revision) throw futureError(revision, this.#revision)
    this.#compacted = revision
    this.#history.compact(revision)
    this.#log.compact(revision)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#log.close()
    for (const cancel of this.#expiries.values()) cancel()
    this.#expiries.clear()
  }

  #check(signal?: AbortSignal): void {
    signal?.throwIfAborted()
    if (this.#closed) throw new StorageError('unavailable', 'the store is closed')
  }

  #readRevision(asked: number | undefined): number {
    if (asked === undefined) return this.#revision
    if (asked > this.#revision) throw futureError(asked, this.#revision)
    if (asked < this.#compacted) throw compactedError(asked, this.#compacted)
    return asked
  }

  #expect(key: string, revision: number): void {
    const current = this.#history.at(key, this.#revision)
    if (current?.revision === revision) return
    const found = current ? `it is at ${current.revision}` : 'it is gone'
    throw new StorageError('revision-conflict', `${key} was expected at revision ${revision}, ${found}`, {
      current,
    })
  }

  #put(
    key: string,
    value: Buffer,
    how: { readonly created: boolean; readonly ttlSeconds: number | undefined },
  ): StoredItem {
    const revision = ++this.#revision
    const item: StoredItem = { key, value, revision }
    this.#cancelExpiry(key)
    this.#history.record(key, revision, item)
    if (how.ttlSeconds !== undefined) {
      this.#expiries.set(
        key,
        this.#clock.after(how.ttlSeconds * 1000, () => void this.#remove(key)),
      )
    }
    this.#log.append({ type: 'put', key, value, revision, created: how.created })
    return item
  }

  #remove(key: string): number {
    const revision = ++this.#revision
    this.#cancelExpiry(key)
    this.#history.record(key, revision, undefined)
    this.#log.append({ type: 'delete', key, revision })
    return revision
  }

  #cancelExpiry(key: string): void {
    this.#expiries.get(key)?.()
    this.#expiries.delete(key)
  }
}

function checkSize(key: string, value: Buffer): void {
  const bytes = Buffer.byteLength(key) + value.length
  if (bytes > maxRequestBytes)
    throw new StorageError('too-large', `${key}: ${bytes} bytes are over the limit`)
}

function compactedError(revision: number, compacted: number): StorageError {
  return new StorageError('compacted', `revision ${revision} is compacted; history starts at ${compacted}`)
}

function futureError(revision: number, current: number): StorageError {
  return new StorageError(
    'future-revision',
    `revision ${revision} is not there yet; the store is at ${current}`,
  )
}
