import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../../apimachinery/clock.ts'

// The event loop runs in real time, whatever time tests make of it.
const now = () => systemClock.monotonic()

/** What one piece of work may take in one turn of the event loop. */
const sliceMs = 5
/** What requests that come in together may take of one turn, all in all. */
const shareMs = 8

/** Long work, such as going through all objects of a kind, in slices: `while (…) { if (work.due) await work.rest() … }`. */
export class SlicedWork {
  #since = now()

  /** The slice is used up. */
  get due(): boolean {
    return now() - this.#since >= sliceMs
  }

  /** Lets everybody else have a turn. */
  async rest(): Promise<void> {
    await nextTurn()
    this.#since = now()
  }
}

/** What a request is thought to cost before any was measured. */
const firstGuessMs = 1
/** How much the newest measurement counts. */
const weight = 0.2

/**
 * Spreads the work of many requests over turns of the event loop. Their bodies often arrive together, and what is
 * done with each of them then adds up: with sixty-four at a time, to longer than anybody should wait for a turn.
 */
export class SharedTurns {
  #costMs = firstGuessMs
  #isOpen = false
  #since = 0
  #admitted = 0

  /** Undefined when the work may be done at once; else resolves when it may. */
  take(): Promise<void> | undefined {
    if (this.#admit()) return undefined
    return new Promise((resolve) => {
      const attempt = () => {
        if (this.#admit()) resolve()
        else setImmediate(attempt)
      }
      setImmediate(attempt)
    })
  }

  /**
   * Those who are let in begin only after all who have arrived were asked, so that what they will cost has to be
   * guessed: as much as those before them.
   */
  #admit(): boolean {
    if (!this.#isOpen) this.#open()
    const expectedMs = Math.max(this.#admitted * this.#costMs, now() - this.#since)
    if (this.#admitted > 0 && expectedMs + this.#costMs > shareMs) return false
    this.#admitted++
    return true
  }

  #open(): void {
    this.#isOpen = true
    this.#since = now()
    this.#admitted = 0
    // Runs when everything that has arrived is dealt with: before those who wait, in the order they asked.
    setImmediate(() => {
      this.#isOpen = false
      const costMs = (now() - this.#since) / this.#admitted
      this.#costMs += weight * (Math.min(costMs, shareMs) - this.#costMs)
    })
  }
}
