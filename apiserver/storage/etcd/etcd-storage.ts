import type { IKeyValue, IRequestOp, ITxnResponse } from 'etcd3'
import { EtcdLeaseInvalidError } from 'etcd3'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import type { ListOptions, ReadOptions, Storage, StorageBatch, StoredItem, WriteOptions } from '../storage.ts'
import { StorageError, toWriteOptions } from '../storage.ts'
import { EtcdConnection, listTimeoutMs } from './etcd-connection.ts'
import type { EtcdAccess } from './etcd-endpoint.ts'
import { isTransient } from './etcd-errors.ts'
import { prefixEnd, prefixRange, toStoredItem } from './etcd-keys.ts'
import { EtcdLeases } from './etcd-leases.ts'
import type { Outcome, Write } from './etcd-outcome.ts'
import { findOutcome } from './etcd-outcome.ts'
import { watchEtcd } from './etcd-watch.ts'

export interface EtcdStorageOptions extends EtcdAccess {
  /** URLs of the members, such as `https://etcd-1:2379`; all `http` or all `https`. The first is preferred. */
  readonly endpoints: readonly string[]
  readonly clock: Clock
  readonly log?: Logger
  /** How long reads, and writes whose outcome is unknown, are tried again; default 15 seconds. */
  readonly patienceMs?: number
}

/**
 * An etcd cluster. When patience ends, and after `close`, calls throw `unavailable`; a write may have been carried
 * out then.
 */
export function etcdStorage(options: EtcdStorageOptions): Storage {
  const { endpoints, clock, log = silentLogger, patienceMs = 15_000 } = options
  return new EtcdStorage(new EtcdConnection(endpoints, options, { clock, log, patienceMs }))
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
    const { kvs, header } = await this.#connection.read(
      (endpoint, call) => endpoint.kv.range(request, call),
      options,
    )
    const item = kvs[0] && toStoredItem(kvs[0])
    return { item, revision: Number(header.revision) }
  }

  async list(prefix: string, options: ListOptions = {}) {
    const { startAfter, revision, limit, signal } = options
    const range = prefixRange(prefix)
    const request = {
      key: startAfter === undefined || startAfter < prefix ? range.key : Buffer.from(`${startAfter}\0`),
      range_end: range.range_end,
      revision: revision ?? 0,
      limit: limit ?? 0,
    }
    // etcd refuses a range that starts after its end, as one after the last key of the prefix does not.
    if (prefix !== '' && request.key.compare(prefixEnd(prefix)) >= 0) {
      return { items: [], revision: revision ?? (await this.currentRevision(signal)), remaining: 0 }
    }
    const { kvs, count, header } = await this.#connection.read(
      (endpoint, call) => endpoint.kv.range(request, call),
      { signal, timeoutMs: listTimeoutMs },
    )
    return {
      items: kvs.map(toStoredItem),
      revision: revision ?? Number(header.revision),
      remaining: Number(count) - kvs.length,
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
    const request = { key: Buffer.from([0]), count_only: true }
    const { header } = await this.#connection.read((endpoint, call) => endpoint.kv.range(request, call), {
      signal,
    })
    return Number(header.revision)
  }

  async compact(revision: number): Promise<void> {
    await this.#connection.read((endpoint, call) => endpoint.kv.compact({ revision }, call))
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
        if (ttlSeconds !== undefined && error instanceof EtcdLeaseInvalidError) {
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
    const key = Buffer.from(write.key)
    const request = {
      compare: [{ key, target: 'Mod' as const, result: 'Equal' as const, mod_revision: expectedMod(write) }],
      success: [toOperation(write, lease)],
      failure: [{ request_range: { key } }],
    }
    const response = await this.#connection.attempt((endpoint, call) => endpoint.kv.txn(request, call), {
      signal,
    })
    if (response.succeeded) return { done: true, revision: Number(response.header.revision) }
    const current = foundBy(response)
    return { done: false, current: current && toStoredItem(current) }
  }
}

/** 0 means that the key does not exist; nothing is ever at -1. */
function expectedMod(write: Write): number {
  if (write.type === 'create') return 0
  return write.expectedRevision > 0 ? write.expectedRevision : -1
}

function toOperation(write: Write, lease: string | undefined): IRequestOp {
  const key = Buffer.from(write.key)
  if (write.type === 'delete') return { request_delete_range: { key } }
  return { request_put: { key, value: write.value, ...(lease === undefined ? {} : { lease }) } }
}

function foundBy(response: ITxnResponse): IKeyValue | undefined {
  return response.responses[0]?.response_range.kvs[0]
}

function conflict(key: string, expected: number, current: StoredItem | undefined): StorageError {
  const found = current ? `it is at ${current.revision}` : 'it is gone'
  return new StorageError('revision-conflict', `${key} was expected at revision ${expected}, ${found}`, {
    current,
  })
}
