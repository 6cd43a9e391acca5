import type {
  ListOptions,
  ReadOptions,
  Storage,
  StorageBatch,
  StorageEvent,
  StoredItem,
  StoredPage,
  WriteOptions,
} from '../storage.ts'
import { StorageError } from '../storage.ts'
import type { EncryptionConfig, GroupResource } from './encryption-config.ts'
import type { Transformer } from './transformer.ts'

export interface EncryptedStorageDeps {
  readonly resourceOf: (key: string) => GroupResource
  /** The configuration now; it may be another one the next time. */
  readonly config: () => EncryptionConfig
}

/**
 * A store whose values are sealed as a configuration says. Reading one key whose value cannot be opened throws
 * `unreadable`; listings and watches hand such values on as they are, so that one of them does not hide the others.
 * Closing it closes `inner`.
 */
export function encryptedStorage(inner: Storage, deps: EncryptedStorageDeps): Storage {
  return new EncryptedStorage(inner, deps)
}

class EncryptedStorage implements Storage {
  readonly #inner: Storage
  readonly #deps: EncryptedStorageDeps

  constructor(inner: Storage, deps: EncryptedStorageDeps) {
    this.#inner = inner
    this.#deps = deps
  }

  async get(key: string, options?: ReadOptions) {
    const { item, revision } = await this.#inner.get(key, options)
    return { item: item && this.#open(item), revision }
  }

  async list(prefix: string, options?: ListOptions): Promise<StoredPage> {
    const page = await this.#inner.list(prefix, options)
    return { ...page, items: page.items.map((item) => this.#openOrKeep(item)) }
  }

  async create(key: string, value: Buffer, options?: AbortSignal | WriteOptions): Promise<StoredItem> {
    const written = await this.#plainErrors(this.#inner.create(key, this.#seal(key, value), options))
    return { ...written, value }
  }

  async update(
    key: string,
    value: Buffer,
    expectedRevision: number,
    options?: AbortSignal | WriteOptions,
  ): Promise<StoredItem> {
    const sealed = this.#seal(key, value)
    const written = await this.#plainErrors(this.#inner.update(key, sealed, expectedRevision, options))
    return { ...written, value }
  }

  delete(key: string, expectedRevision: number, signal?: AbortSignal): Promise<number> {
    return this.#plainErrors(this.#inner.delete(key, expectedRevision, signal))
  }

  async *watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncGenerator<StorageBatch> {
    for await (const { events, revision } of this.#inner.watch(prefix, afterRevision, signal)) {
      yield { events: events.map((event) => this.#openEvent(event)), revision }
    }
  }

  currentRevision(signal?: AbortSignal): Promise<number> {
    return this.#inner.currentRevision(signal)
  }

  compact(revision: number): Promise<void> {
    return this.#inner.compact(revision)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #transformers(key: string): readonly Transformer[] {
    const { config, resourceOf } = this.#deps
    return config().transformersOf(resourceOf(key))
  }

  #seal(key: string, value: Buffer): Buffer {
    const [writer] = this.#transformers(key)
    if (!writer || writer.prefix === '') return value
    return Buffer.concat([Buffer.from(writer.prefix), writer.seal(value, key)])
  }

  /** Throws `unreadable`. */
  #open(item: StoredItem): StoredItem {
    const { key, value } = item
    const transformers = this.#transformers(key)
    const index = transformers.findIndex(({ prefix }) => hasPrefix(value, prefix))
    const reader = transformers[index]
    if (!reader) throw unreadable(key, 'no matching prefix found')
    try {
      const opened = reader.open(value.subarray(Buffer.byteLength(reader.prefix)), key)
      return { ...item, value: opened, ...(index > 0 && { stale: true }) }
    } catch (error) {
      throw unreadable(key, (error as Error).message, error)
    }
  }

  #openOrKeep(item: StoredItem): StoredItem {
    try {
      return this.#open(item)
    } catch {
      return item
    }
  }

  #openEvent(event: StorageEvent): StorageEvent {
    return event.type === 'put' ? { ...event, value: this.#openOrKeep(event).value } : event
  }

  /** What is stored now, which failed writes tell, is opened as well. */
  async #plainErrors<Result>(write: Promise<Result>): Promise<Result> {
    try {
      return await write
    } catch (error) {
      if (!(error instanceof StorageError) || !error.current) throw error
      const current = this.#openOrKeep(error.current)
      throw new StorageError(error.code, error.message, { current, cause: error.cause })
    }
  }
}

function hasPrefix(value: Buffer, prefix: string): boolean {
  return prefix === '' || value.toString('utf8', 0, Buffer.byteLength(prefix)) === prefix
}

function unreadable(key: string, why: string, cause?: unknown): StorageError {
  return new StorageError('unreadable', `unable to transform key ${JSON.stringify(key)}: ${why}`, { cause })
}
