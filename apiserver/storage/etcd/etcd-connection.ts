import type { Clock } from '../../../apimachinery/clock.ts'
import { sleep } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { StorageError } from '../storage.ts'
import { isTransient, toStorageError } from './etcd-errors.ts'
import { EtcdError, type EtcdMember, type MemberCall } from './etcd-member.ts'
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

/** Runs one call on the given member. */
export type Call<T> = (endpoint: EtcdMember, call: MemberCall) => Promise<T>

/** The members of one etcd cluster: calls go to the preferred one until it fails, then to the next. */
export class EtcdConnection {
  readonly clock: Clock
  readonly log: Logger
  readonly #endpoints: readonly EtcdMember[]
  readonly #suspicions = new Map<EtcdMember, Set<() => void>>()
  readonly #patienceMs: number
  readonly #closing = new AbortController()
  readonly #warned = new Set<string>()
  #preferred = 0

  constructor(members: readonly EtcdMember[], tools: EtcdTools) {
    if (members.length === 0) throw new Error('no etcd endpoint given')
    this.clock = tools.clock
    this.log = tools.log
    this.#patienceMs = tools.patienceMs
    this.#endpoints = members
  }

  /** Aborted by `close`. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  get endpoint(): EtcdMember {
    const endpoint = this.#endpoints[this.#preferred]
    if (endpoint === undefined) throw new Error('no etcd endpoint')
    return endpoint
  }

  /** Makes the next call go to another member, if there is one and nobody has turned away from this one yet. */
  turnFrom(endpoint: EtcdMember, reason: { readonly hangs: boolean }): void {
    if (this.endpoint !== endpoint) return
    this.#preferred = (this.#preferred + 1) % this.#endpoints.length
    if (this.#endpoints.length === 1) return
    this.log.warn('Turned to another etcd endpoint', { from: endpoint.url, to: this.endpoint.url })
    // Its watch streams would stay silent until the keepalive notices.
    if (reason.hangs) for (const react of this.#suspicions.get(endpoint) ?? []) react()
  }

  /** Calls `react` when a call to this member was found to hang; the result unsubscribes. */
  onSuspicion(endpoint: EtcdMember, react: () => void): () => void {
    const reactions = this.#suspicions.get(endpoint) ?? new Set()
    this.#suspicions.set(endpoint, reactions.add(react))
    return () => void reactions.delete(react)
  }

  /** One attempt, with a deadline. Throws what etcd said, for the caller to decide. */
  async attempt<T>(call: Call<T>, options: CallOptions = {}): Promise<T> {
    const { endpoint } = this
    this.#check(options.signal)
    try {
      const deadline = this.clock.now() + (options.timeoutMs ?? attemptTimeoutMs)
      return await abortable(call(endpoint, { deadline }), options.signal)
    } catch (error) {
      this.#check(options.signal)
      if (isTransient(error)) {
        this.turnFrom(endpoint, { hangs: error instanceof EtcdError && error.kind === 'deadline' })
      }
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
  async version(endpoint: EtcdMember): Promise<EtcdVersion> {
    const deadline = this.clock.now() + attemptTimeoutMs
    const version = etcdVersion(await endpoint.version({ deadline }))
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

/** Settles as `promise` does, or rejects as soon as the signal is aborted. Closing ends every call by itself. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
