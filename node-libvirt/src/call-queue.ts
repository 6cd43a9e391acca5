import { OverloadedError, TimeoutError } from './errors.ts'
import type { Procedure } from './procedure.ts'

/** How long a caller is ready to wait. There is no way to stop the daemon's own work: see `job` and `domainAbortJob`. */
export interface CallOptions {
  /** Gives up waiting: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which the promise rejects with `TimeoutError`; 0 waits for as long as the connection lives. */
  readonly timeout?: number | undefined
}

/** One call from its making until its reply has come, even if nobody waits for that any more. */
export class PendingCall {
  readonly procedure: Procedure<never, unknown>
  /** The packet, without its serial number. */
  readonly packet: Buffer
  readonly #resolve: (payload: Buffer) => void
  readonly #reject: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #signal: AbortSignal | undefined
  #onAbort: (() => void) | undefined
  #settled = false

  constructor(procedure: Procedure<never, unknown>, packet: Buffer, settle: Settle) {
    this.procedure = procedure
    this.packet = packet
    this.#resolve = settle.resolve
    this.#reject = settle.reject
  }

  /** Whether its caller has an answer already, be it only that it will wait no longer. */
  get settled(): boolean {
    return this.#settled
  }

  /** Starts the caller's patience; `onGivenUp` hears when it ends before a reply. */
  limit({ signal, timeout = 0 }: CallOptions, onGivenUp: () => void): void {
    const giveUp = (error: unknown) => {
      this.reject(error)
      onGivenUp()
    }
    if (timeout > 0 && Number.isFinite(timeout)) {
      const error = () => new TimeoutError(`${this.procedure.name} took longer than ${timeout} ms`)
      this.#timer = setTimeout(() => giveUp(error()), Math.min(timeout, 0x7fff_ffff))
    }
    if (signal !== undefined) {
      this.#signal = signal
      this.#onAbort = () => giveUp(signal.reason)
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  resolve(payload: Buffer): void {
    if (this.#settle()) this.#resolve(payload)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

interface Settle {
  readonly resolve: (payload: Buffer) => void
  readonly reject: (error: unknown) => void
}

export interface CallQueueLimits {
  readonly maxInFlight: number
  readonly maxQueued: number
}

/**
 * Calls by serial number, never more in flight than the daemon reads at once.
 * A call whose caller has given up keeps its place until the daemon answers, because the daemon keeps it too.
 */
export class CallQueue {
  readonly #limits: CallQueueLimits
  readonly #send: (call: PendingCall, serial: number) => void
  readonly #inFlight = new Map<number, PendingCall>()
  #waiting: PendingCall[] = []
  #serial = 0

  constructor(limits: CallQueueLimits, send: (call: PendingCall, serial: number) => void) {
    this.#limits = limits
    this.#send = send
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Calls in flight whose callers have given up. */
  get abandoned(): number {
    let count = 0
    for (const call of this.#inFlight.values()) if (call.settled) count += 1
    return count
  }

  add(call: PendingCall): void {
    if (this.#inFlight.size < this.#limits.maxInFlight) return this.#start(call)
    if (this.#waiting.length >= this.#limits.maxQueued) {
      const message = `${this.#limits.maxQueued} calls wait already; ${call.procedure.name} was not sent`
      return call.reject(new OverloadedError(message))
    }
    this.#waiting.push(call)
  }

  /** Forgets calls that wait for their turn and whose callers have given up. */
  dropSettled(): void {
    this.#waiting = this.#waiting.filter((call) => !call.settled)
  }

  /** The call in flight of a serial number. */
  get(serial: number): PendingCall | undefined {
    return this.#inFlight.get(serial)
  }

  /** Takes out the call that a reply belongs to, and starts the next one. */
  take(serial: number): PendingCall | undefined {
    const call = this.#inFlight.get(serial)
    if (call === undefined) return undefined
    this.#inFlight.delete(serial)
    while (this.#inFlight.size < this.#limits.maxInFlight) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      if (!next.settled) this.#start(next)
    }
    return call
  }

  rejectAll(error: (call: PendingCall) => Error): void {
    const calls = [...this.#inFlight.values(), ...this.#waiting]
    this.#inFlight.clear()
    this.#waiting = []
    for (const call of calls) call.reject(error(call))
  }

  #start(call: PendingCall): void {
    this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1
    this.#inFlight.set(this.#serial, call)
    this.#send(call, this.#serial)
  }
}
