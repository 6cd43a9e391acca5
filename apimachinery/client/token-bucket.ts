import type { Clock } from '../clock.ts'

export interface BucketSize {
  /** How many may go at once. */
  readonly burst: number
  /** Time after which one more may go. */
  readonly refillMs: number
}

/** Lets through a burst, and then one at a time. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #size: BucketSize
  #tokens: number
  #filledAt: number

  constructor(clock: Clock, size: BucketSize) {
    this.#clock = clock
    this.#size = size
    this.#tokens = size.burst
    this.#filledAt = clock.monotonic()
  }

  /** False when it is one too many. */
  take(): boolean {
    const { burst, refillMs } = this.#size
    const gained = Math.floor((this.#clock.monotonic() - this.#filledAt) / refillMs)
    this.#tokens = Math.min(burst, this.#tokens + gained)
    this.#filledAt += gained * refillMs
    if (this.#tokens === 0) return false
    this.#tokens -= 1
    return true
  }
}
