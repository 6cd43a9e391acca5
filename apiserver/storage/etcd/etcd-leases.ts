import type { EtcdConnection } from './etcd-connection.ts'

/** How long one lease takes in new keys, at most, and how many: an expiring lease deletes all of them at once. */
const mostShareMs = 60_000
const mostKeys = 1000

interface SharedLease {
  /** Opaque: lease ids exceed 2^53. */
  readonly id: Promise<string>
  readonly closesAt: number
  keys: number
}

/** Leases for keys with a TTL, shared by keys that are written close together so that their number stays small. */
export class EtcdLeases {
  readonly #connection: EtcdConnection
  readonly #open = new Map<number, SharedLease>()

  constructor(connection: EtcdConnection) {
    this.#connection = connection
  }

  /** A lease that ends `ttlSeconds` from now at the earliest, and at most 5 % (and at most a minute) later. */
  async leaseFor(ttlSeconds: number, signal?: AbortSignal): Promise<string> {
    const now = this.#connection.clock.monotonic()
    let lease = this.#open.get(ttlSeconds)
    if (lease === undefined || now >= lease.closesAt || lease.keys >= mostKeys) {
      const shareMs = Math.min(mostShareMs, ttlSeconds * 50)
      lease = { id: this.#grant(ttlSeconds + Math.ceil(shareMs / 1000)), closesAt: now + shareMs, keys: 0 }
      this.#open.set(ttlSeconds, lease)
    }
    lease.keys++
    signal?.throwIfAborted()
    try {
      return await lease.id
    } catch (error) {
      if (this.#open.get(ttlSeconds) === lease) this.#open.delete(ttlSeconds)
      throw error
    }
  }

  /** Stops handing out `id`: etcd no longer knows it. */
  forget(ttlSeconds: number): void {
    this.#open.delete(ttlSeconds)
  }

  async #grant(seconds: number): Promise<string> {
    // Without an id of ours a repeated grant leaves one more lease behind, which ends by itself.
    return await this.#connection.read((endpoint, call) => endpoint.grantLease(seconds, call))
  }
}
