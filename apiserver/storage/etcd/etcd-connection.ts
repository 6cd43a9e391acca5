import { GRPCDeadlineExceededError } from 'etcd3'
import type { Clock } from '../../../apimachinery/clock.ts'
import { sleep } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { StorageError } from '../storage.ts'
import type { EtcdAccess } from './etcd-endpoint.ts'
import { EtcdEndpoint } from './etcd-endpoint.ts'
import { isTransient, toStorageError } from './etcd-errors.ts'
import type { EtcdVersion } from './etcd-version.ts'
import { etcdVersion } from './etcd-version.ts'

/** One attempt of one call; longer than etcd needs to elect a new leader. */
const attemptTimeoutMs = 3_000
/** A page of 500 objects of 1.5 MB needs its time on a slow network. */
export const listTimeoutMs = 15_000
const pauseMs = { first: 50, most: 1_000 }

export interface EtcdTools {
  readonly clock: Clock
  readonly log: Logger
  /** How long a call goes on trying before its caller hears `unavailable`. */
  readonly patienceMs: number
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Limit of one attempt. */
  readonly timeoutMs?: number
}

/** Runs one RPC on the given member with the given gRPC options. */
export type Call<T> = (endpoint: EtcdEndpoint, options: { readonly deadline: number }) => Promise<T>

/** The members of one etcd cluster: calls go to the preferred one until it fails, then to the next. */
export class EtcdConnection {
  readonly clock: Clock
  readonly log: Logger
  readonly #endpoints: readonly EtcdEndpoint[]
  readonly #patienceMs: number
  readonly #closing = new AbortController()
  readonly #warned = new Set<string>()
  #preferred = 0

  constructor(urls: readonly string[], access: EtcdAccess, tools: EtcdTools) {
    if (urls.length === 0) throw new Error('no etcd endpoint given')
    this.clock = tools.clock
    this.log = tools.log
    this.#patienceMs = tools.patienceMs
    this.#endpoints = urls.map((url) => new EtcdEndpoint(url, access))
  }

  /** Aborted by `close`. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  get endpoint(): EtcdEndpoint {
    const endpoint = this.#endpoints[this.#preferred]
    if (endpoint === undefined) throw new Error('no etcd endpoint')
    return endpoint
  }

  /** Makes the next call go to another member, if there is one and nobody has turned away from this one yet. */
  turnFrom(endpoint: EtcdEndpoint, reason: { readonly hangs: boolean }): void {
    if (this.endpoint !== endpoint) return
    this.#preferred = (this.#preferred + 1) % this.#endpoints.length
    if (this.#endpoints.length === 1) return
    this.log.warn('Turned to another etcd endpoint', { from: endpoint.url, to: this.endpoint.url })
    // Its watch streams would stay silent until the keepalive notices.
    if (reason.hangs) endpoint.suspect()
  }

  /** One attempt, with a deadline. Throws what etcd said, for the caller to decide. */
  async attempt<T>(call: Call<T>, options: CallOptions = {}): Promise<T> {
    const { endpoint } = this
    this.#check(options.signal)
    try {
      const deadline = this.clock.now() + (options.timeoutMs ?? attemptTimeoutMs)
      return await abortable(call(endpoint, { deadline }), [options.signal, this.closed])
    } catch (error) {
      this.#check(options.signal)
      if (isTransient(error)) this.turnFrom(endpoint, { hangs: error instanceof GRPCDeadlineExceededError })
      throw error
    }
  }

  /**
   * Repeats `action` while it fails for a reason that passes, for calls that may be carried out twice.
   * Throws StorageErrors.
   */
  async persist<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const giveUp = this.clock.monotonic() + this.#patienceMs
    for (let failures = 1; ; failures++) {
      try {
        return await action()
      } catch (error) {
        if (!isTransient(error) || this.clock.monotonic() >= giveUp) throw toStorageError(error)
        await this.pause(failures, signal)
      }
    }
  }

  /** A read: tried again, on other members too, until patience ends. */
  read<T>(call: Call<T>, options: CallOptions = {}): Promise<T> {
    return this.persist(() => this.attempt(call, options), options.signal)
  }

  /** Waits before the next attempt: not at all while there are members that were not tried yet. */
  async pause(failures: number, signal?: AbortSignal): Promise<void> {
    const rounds = Math.floor(failures / this.#endpoints.length)
    const ms = rounds === 0 ? 0 : Math.min(pauseMs.most, pauseMs.first * 2 ** (rounds - 1))
    const either = signal ? AbortSignal.any([signal, this.closed]) : this.closed
    await sleep(this.clock, ms, either).catch(() => this.#check(signal))
  }

  /** Asks one member for its version, and warns about an old one the first time. */
  async version(endpoint: EtcdEndpoint): Promise<EtcdVersion> {
    const deadline = this.clock.now() + attemptTimeoutMs
    const status = await endpoint.maintenance.status({ deadline })
    const version = etcdVersion(status.version)
    if (version.warning !== undefined && !this.#warned.has(endpoint.url)) {
      this.#warned.add(endpoint.url)
      this.log.warn('Old etcd server', {
        endpoint: endpoint.url,
        version: version.text,
        advice: version.warning,
      })
    }
    return version
  }

  /** Asks every member; those that do not answer are left for their first watch. */
  async checkVersions(): Promise<void> {
    await Promise.allSettled(this.#endpoints.map((endpoint) => this.version(endpoint)))
  }

  close(): void {
    this.#closing.abort(new StorageError('unavailable', 'the store is closed'))
    for (const endpoint of this.#endpoints) endpoint.close()
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    this.closed.throwIfAborted()
  }
}

/** Settles as `promise` does, or rejects as soon as one of the signals is aborted. */
function abortable<T>(promise: Promise<T>, signals: readonly (AbortSignal | undefined)[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const present = signals.filter((signal) => signal !== undefined)
    const abort = (event: Event) => reject((event.target as AbortSignal).reason as Error)
    for (const signal of present) signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => {
      for (const signal of present) signal.removeEventListener('abort', abort)
    })
  })
}
