import type { Stored } from '../crds/meta/object-meta.ts'
import type { Client } from './client/client.ts'
import { type Lease, leases } from './client/resources.ts'
import { type Clock, microTimestamp, sleep } from './clock.ts'
import type { Logger } from './log.ts'
import { hasReason, isNotFound } from './status-error.ts'

/** Another process may lead soon, or does already. */
export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError'
}

export interface LeaderElectionOptions {
  readonly client: Pick<Client, 'get' | 'create' | 'update'>
  readonly clock: Clock
  readonly log: Logger
  /** Of the Lease. */
  readonly namespace: string
  readonly name: string
  /** Of this process and of no other, before or after it: a host name and something random. */
  readonly identity: string
  /** How long others leave a Lease alone that they do not see renewed; a whole number of seconds. Default 10 s. */
  readonly leaseDurationMs?: number
  /** Leadership ends by itself this long after the last renewal was sent. Well below the duration. Default 6 s. */
  readonly renewDeadlineMs?: number
  /** Time between two renewals, and between two tries to lead. Default 1.5 s. */
  readonly retryPeriodMs?: number
  /** Between 0 and 1, for jitter. */
  readonly random?: () => number
  /** The work of the leader; ends soon after `signal` is aborted, and does nothing that others must not see then. */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void>
}

export interface LeaderElector {
  readonly isLeader: boolean
  /**
   * Resolves after `stop`; rejects with a LeadershipLostError, or with what the work failed with. Either way the work
   * has ended by then.
   */
  readonly done: Promise<void>
  /** Ends the work and lets go of the Lease, so that another process takes over at once. */
  stop(): Promise<void>
}

/**
 * Tries to hold a Lease and works while it does. Nobody's wall clock matters: the holder counts from before it sent
 * its last renewal, everybody else from after they saw it, so that the holder always stops first by at least the
 * difference of duration and deadline.
 */
export function startLeaderElection(options: LeaderElectionOptions): LeaderElector {
  return new LeaseElector(options)
}

class LeaseElector implements LeaderElector {
  readonly done: Promise<void>
  readonly #options: Required<LeaderElectionOptions>
  readonly #stopped = new AbortController()
  /** Aborted when this process must not lead any more. */
  #term: AbortController | undefined
  #lost: LeadershipLostError | undefined
  /** Aborted with the loss of leadership. */
  readonly #endOfTerm = new AbortController()
  #lease: Stored<Lease> | undefined
  /** When the Lease as it is was first seen, by our own clock. */
  #seen: { readonly version: string; readonly at: number } | undefined
  #cancelDeadline: () => void = () => {}

  constructor(options: LeaderElectionOptions) {
    this.#options = {
      leaseDurationMs: 10_000,
      renewDeadlineMs: 6_000,
      retryPeriodMs: 1_500,
      random: Math.random,
      ...options,
    }
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options
    if (
      !(retryPeriodMs < renewDeadlineMs && renewDeadlineMs < leaseDurationMs) ||
      leaseDurationMs % 1000 !== 0
    ) {
      throw new Error(
        'the retry period must be below the renew deadline, and that below a lease of whole seconds',
      )
    }
    this.done = this.#run()
    // Who does not wait for the end has asked not to know.
    this.done.catch(() => {})
  }

  get isLeader(): boolean {
    return this.#term !== undefined && !this.#term.signal.aborted
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the election was stopped'))
    await this.done.catch(() => {})
  }

  async #run(): Promise<void> {
    const { log, name, identity } = this.#options
    while (!this.#stopped.signal.aborted) {
      if (await this.#tryToLead()) break
      await this.#pause(this.#untilNextTry(), this.#stopped.signal)
    }
    if (this.#term === undefined) return
    log.info('Leading', { lease: name, identity })
    await this.#lead(this.#term)
  }

  async #lead(term: AbortController): Promise<void> {
    const { log, name, onStartedLeading } = this.#options
    const stop = () => term.abort(this.#stopped.signal.reason)
    this.#stopped.signal.addEventListener('abort', stop, { once: true })
    if (this.#stopped.signal.aborted) stop()
    const over = new AbortController()
    // In a turn of its own, so that work which throws at once fails like any other.
    const work = Promise.resolve()
      .then(() => onStartedLeading(term.signal))
      .finally(() => over.abort())
    work.catch(() => {})
    await this.#keepRenewing(term, over.signal)
    const failed = await work.then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    this.#cancelDeadline()
    this.#stopped.signal.removeEventListener('abort', stop)
    term.abort(new Error('the work has ended'))
    if (this.#lost === undefined) await this.#release()
    else log.warn('Lost leadership', { lease: name, error: this.#lost })
    if (this.#stopped.signal.aborted) return
    if (this.#lost !== undefined) throw this.#lost
    if (failed !== undefined) throw failed.error
  }

  /** Also while the work is being ended on request: nobody else may begin before it has. */
  async #keepRenewing(term: AbortController, over: AbortSignal): Promise<void> {
    while (!over.aborted && this.#lost === undefined) {
      await this.#pause(this.#options.retryPeriodMs, AbortSignal.any([over, this.#endOfTerm.signal]))
      if (!over.aborted && this.#lost === undefined) await this.#renew(term)
    }
  }

  #lose(term: AbortController, why: string): void {
    this.#lost ??= new LeadershipLostError(why)
    term.abort(this.#lost)
    this.#endOfTerm.abort()
  }

  /** Takes the Lease when it is free, ours, or expired. Never throws. */
  async #tryToLead(): Promise<boolean> {
    const { clock, log } = this.#options
    let began: number
    try {
      const lease = await this.#read()
      if (lease !== undefined && !this.#isFree(lease)) return false
      began = clock.monotonic()
      this.#lease = await this.#write(lease)
    } catch (error) {
      // Somebody was faster, or the server cannot be reached: the next try is soon.
      if (!hasReason(error, 'Conflict', 'AlreadyExists') && !this.#stopped.signal.aborted) {
        log.warn('Cannot take the lease', { error })
      }
      return false
    }
    this.#term = new AbortController()
    this.#leadUntil(began + this.#options.renewDeadlineMs, this.#term)
    return true
  }

  async #renew(term: AbortController): Promise<void> {
    const { clock, log, renewDeadlineMs, identity } = this.#options
    const began = clock.monotonic()
    try {
      this.#lease = await this.#write(this.#lease)
      this.#leadUntil(began + renewDeadlineMs, term)
    } catch (error) {
      if (this.#lost !== undefined) return
      if (!hasReason(error, 'Conflict', 'NotFound')) return log.warn('Cannot renew the lease', { error })
      // A renewal may have arrived although its answer did not: then the holder is still us.
      const now = await this.#read().catch(() => this.#lease)
      if (now?.spec.holderIdentity === identity) this.#lease = now
      else this.#lose(term, `the lease is held by ${now?.spec.holderIdentity || 'nobody'}`)
    }
  }

  #leadUntil(deadline: number, term: AbortController): void {
    const { clock } = this.#options
    this.#cancelDeadline()
    this.#cancelDeadline = clock.after(Math.max(0, deadline - clock.monotonic()), () =>
      this.#lose(term, 'the lease could not be renewed in time'),
    )
  }

  async #read(): Promise<Stored<Lease> | undefined> {
    const { client, namespace, name, clock } = this.#options
    let lease: Stored<Lease>
    try {
      lease = await this.#bounded((signal) => client.get(leases, { namespace, name }, { signal }))
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
    const version = lease.metadata.resourceVersion
    if (this.#seen?.version !== version) this.#seen = { version, at: clock.monotonic() }
    return lease
  }

  #isFree({ spec }: Lease): boolean {
    return (
      !spec.holderIdentity || spec.holderIdentity === this.#options.identity || this.#expiresInMs(spec) <= 0
    )
  }

  #expiresInMs({ leaseDurationSeconds }: Lease['spec']): number {
    const { clock, leaseDurationMs } = this.#options
    const duration = leaseDurationSeconds === undefined ? leaseDurationMs : leaseDurationSeconds * 1000
    return (this.#seen?.at ?? clock.monotonic()) + duration - clock.monotonic()
  }

  /** A little later for everybody, so that those who wait together do not try together. */
  #untilNextTry(): number {
    const { retryPeriodMs, random } = this.#options
    return retryPeriodMs * (1 + random() / 5)
  }

  async #write(current: Stored<Lease> | undefined): Promise<Stored<Lease>> {
    const { client, clock, namespace, name, identity, leaseDurationMs } = this.#options
    const now = microTimestamp(clock)
    const mine = current?.spec.holderIdentity === identity
    const spec = {
      ...current?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: leaseDurationMs / 1000,
      acquireTime: mine ? (current?.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (current?.spec.leaseTransitions ?? 0) + (mine || current === undefined ? 0 : 1),
    }
    if (current !== undefined) {
      return this.#bounded((signal) => client.update(leases, { ...current, spec }, { signal }))
    }
    const fresh = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec }
    return this.#bounded((signal) => client.create(leases, fresh, { signal }))
  }

  async #release(): Promise<void> {
    const { client, log, name } = this.#options
    const lease = this.#lease
    if (lease === undefined) return
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }
    try {
      await this.#bounded((signal) => client.update(leases, { ...lease, spec }, { signal }))
      log.info('Released leadership', { lease: name })
    } catch (error) {
      log.warn('Cannot release the lease, it will expire', { error })
    }
  }

  /** A call that is not answered must not use up the time for the next one. */
  async #bounded<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, renewDeadlineMs } = this.#options
    const timeout = new AbortController()
    const cancel = clock.after(renewDeadlineMs / 2, () => timeout.abort(new Error('no answer in time')))
    try {
      return await call(timeout.signal)
    } finally {
      cancel()
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(this.#options.clock, ms, signal).catch(() => {})
  }
}
