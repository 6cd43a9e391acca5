import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import type { ListOptions, ReadOptions, Storage, StorageBatch, StoredItem, WriteOptions } from '../storage.ts'
import { StorageError, toWriteOptions } from '../storage.ts'
import { EtcdConnection, listTimeoutMs } from './etcd-connection.ts'
import { isTransient } from './etcd-errors.ts'
import { prefixEnd, prefixRange, toStoredItem } from './etcd-keys.ts'
import { EtcdLeases } from './etcd-leases.ts'
import { EtcdError, type ConnectMember, type EtcdAccess, type GuardedWrite } from './etcd-member.ts'
import type { Outcome, Write } from './etcd-outcome.ts'
import { findOutcome } from './etcd-outcome.ts'
import { watchEtcd } from './etcd-watch.ts'
import { http2Member } from './http2/http2-member.ts'

export interface EtcdStorageOptions extends EtcdAccess {
  /** URLs of the members, such as `https://etcd-1:2379`; all `http` or all `https`. The first is preferred. */
  readonly endpoints: readonly string[]
  readonly clock: Clock
  readonly log?: Logger
  /** How long reads, and writes whose outcome is unknown, are tried again; default 15 seconds. */
  readonly patienceMs?: number
  /** The client library; default: our own, on Node's HTTP/2. */
  readonly connect?: ConnectMember
}

/**
 * An etcd cluster. When patience ends, and after `close`, calls throw `unavailable`; a write may have been carried
 * out then.
 */
export function etcdStorage(options: EtcdStorageOptions): Storage {
  const { endpoints, clock, log = silentLogger, patienceMs = 15_000, connect = http2Member } = options
  const members = endpoints.map((url) => connect(url, options))
  return new EtcdStorage(new EtcdConnection(members, { clock, log, patienceMs }))
}

class EtcdStorage implements Storage {
  readonly #connection: EtcdConnection
  readonly #leases: EtcdLeases

  constructor(connection: EtcdConnection) {
    this.#connection = connection
    this.#leases = new EtcdLeases(connection)
    void connection.checkVersions()
  }

  async get(key: string, options: ReadOptions = {}) {
    const request = { key: Buffer.from(key), revision: options.revision ?? 0 }
    const { items, revision } = await this.#connection.read(
      (endpoint, call) => endpoint.range(request, call),
      options,
    )
    return { item: items[0] && toStoredItem(items[0]), revision }
  }

  async list(prefix: string, options: ListOptions = {}) {
    const { startAfter, revision, limit, signal } = options
    const range = prefixRange(prefix)
    const request = {
      key: startAfter === undefined || startAfter < prefix ? range.key : Buffer.from(`${startAfter}\0`),
      end: range.end,
      revision: revision ?? 0,
      limit: limit ?? 0,
    }
    // etcd refuses a range that starts after its end, as one after the last key of the prefix does not.
    if (prefix !== '' && request.key.compare(prefixEnd(prefix)) >= 0) {
      return { items: [], revision: revision ?? (await this.currentRevision(signal)), remaining: 0 }
    }
    const page = await this.#connection.read((endpoint, call) => endpoint.range(request, call), {
      signal,
      timeoutMs: listTimeoutMs,
    })
    return {
      items: page.items.map(toStoredItem),
      revision: revision ?? page.revision,
      remaining: page.count - page.items.length,
    }
  }

  async create(key: string, value: Buffer, options?: AbortSignal | WriteOptions): Promise<StoredItem> {
    const outcome = await this.#write({ type: 'create', key, value }, toWriteOptions(options))
    if (outcome.done) return { key, value, revision: outcome.revision }
    throw new StorageError('key-exists', `${key} exists`, { current: outcome.current })
  }

  async update(
    key: string,
    value: Buffer,
    expectedRevision: number,
    options?: AbortSignal | WriteOptions,
  ): Promise<StoredItem> {
    const write: Write = { type: 'update', key, value, expectedRevision }
    const outcome = await this.#write(write, toWriteOptions(options))
    if (outcome.done) return { key, value, revision: outcome.revision }
    throw conflict(key, expectedRevision, outcome.current)
  }

  async delete(key: string, expectedRevision: number, signal?: AbortSignal): Promise<number> {
    const outcome = await this.#write({ type: 'delete', key, expectedRevision }, toWriteOptions(signal))
    if (outcome.done) return outcome.revision
    throw conflict(key, expectedRevision, outcome.current)
  }

  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<StorageBatch> {
    return watchEtcd(this.#connection, { prefix, afterRevision }, signal)
  }

  async currentRevision(signal?: AbortSignal): Promise<number> {
    // A key that nobody has: etcd answers from its index, with the revision in the header.
    const request = { key: Buffer.from([0]), countOnly: true }
    const { revision } = await this.#connection.read((endpoint, call) => endpoint.range(request, call), {
      signal,
    })
    return revision
  }

  async compact(revision: number): Promise<void> {
    await this.#connection.read((endpoint, call) => endpoint.compact(revision, call))
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  /**
   * One transaction. When it fails so that nobody knows whether etcd carried it out, the history of the key tells;
   * when it was not, it is sent again, which is safe because it only ever applies to the expected state.
   */
  #write(write: Write, options: WriteOptions): Promise<Outcome> {
    const { signal, ttlSeconds } = options
    return this.#connection.persist(async () => {
      try {
        const lease = ttlSeconds === undefined ? undefined : await this.#leases.leaseFor(ttlSeconds, signal)
        return await this.#transact(write, lease, signal)
      } catch (error) {
        if (ttlSeconds !== undefined && error instanceof EtcdError && error.kind === 'lease-gone') {
          this.#leases.forget(ttlSeconds)
          return this.#transact(write, await this.#leases.leaseFor(ttlSeconds, signal), signal)
        }
        if (!isTransient(error)) throw error
        const outcome = await findOutcome(this, write, signal)
        if (outcome) return outcome
        throw error
      }
    }, signal)
  }

  async #transact(
    write: Write,
    lease: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    const request = toGuardedWrite(write, lease)
    const { succeeded, revision, current } = await this.#connection.attempt(
      (endpoint, call) => endpoint.write(request, call),
      { signal },
    )
    return succeeded ? { done: true, revision } : { done: false, current: current && toStoredItem(current) }
  }
}

/** No key is ever at this revision. */
const never = Number.MAX_SAFE_INTEGER

function toGuardedWrite(write: Write, lease: string | undefined): GuardedWrite {
  const key = Buffer.from(write.key)
  const put = write.type === 'delete' ? undefined : { value: write.value, lease }
  if (write.type === 'create') return { key, expectedRevision: 0, put }
  return { key, expectedRevision: write.expectedRevision > 0 ? write.expectedRevision : never, put }
}

function conflict(key: string, expected: number, current: StoredItem | undefined): StorageError {
  const found = current ? `it is at ${current.revision}` : 'it is gone'
  return new StorageError('revision-conflict', `${key} was expected at revision ${expected}, ${found}`, {
    current,
  })
}
