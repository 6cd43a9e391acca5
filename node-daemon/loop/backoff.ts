import type { Clock } from '../../apimachinery/clock.ts'

export interface BackoffOptions {
  readonly clock: Clock
  readonly firstMs: number
  readonly maxMs: number
}

/** How long to leave something alone that failed: twice as long after each failure in a row, per key. */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #failures = new Map<string, { readonly count: number; readonly until: number }>()

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Notes a failure and says how many milliseconds to wait. */
  fail(key: string): number {
    const { clock, firstMs, maxMs } = this.#options
    const count = (this.#failures.get(key)?.count ?? 0) + 1
    const delayMs = Math.min(maxMs, firstMs * 2 ** Math.min(count - 1, 30))
    this.#failures.set(key, { count, until: clock.monotonic() + delayMs })
    return delayMs
  }

  /** Milliseconds that are left to wait; 0 when nothing failed lately. */
  remainingMs(key: string): number {
    return Math.max(0, (this.#failures.get(key)?.until ?? 0) - this.#options.clock.monotonic())
  }

  reset(key: string): void {
    this.#failures.delete(key)
  }
}
