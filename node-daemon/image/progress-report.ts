import type { Clock } from '../../apimachinery/clock.ts'

const everyMs = 1_000

/** Passes on how far something is, at most once a second and one at a time; the last word before the end may be lost. */
export class ProgressReport {
  readonly #clock: Clock
  readonly #write: (percent: number) => Promise<void>
  #told: number | undefined
  #toldAt = Number.NEGATIVE_INFINITY
  #writing: Promise<void> | undefined
  #ended = false

  /** A write that fails is dropped: the next one says more. */
  constructor(clock: Clock, write: (percent: number) => Promise<void>) {
    this.#clock = clock
    this.#write = write
  }

  tell(percent: number): void {
    const now = this.#clock.monotonic()
    if (this.#ended || this.#writing !== undefined || percent === this.#told) return
    if (now - this.#toldAt < everyMs) return
    this.#told = percent
    this.#toldAt = now
    this.#writing = this.#write(percent)
      .catch(() => {})
      .finally(() => (this.#writing = undefined))
  }

  /** Resolves when nothing is being written any more. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#writing
  }
}
