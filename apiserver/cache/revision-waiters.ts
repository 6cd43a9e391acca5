import { lowerBound } from '../storage/sorted-search.ts'

interface Waiter {
  readonly revision: number
  settle(error?: Error): void
}

/** Those who wait until a revision has been seen. */
export class RevisionWaiters {
  /** In revision order. */
  readonly #waiting: Waiter[] = []

  wait(revision: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        const index = this.#waiting.indexOf(waiter)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(signal.reason as Error)
      }
      const waiter: Waiter = {
        revision,
        settle(error) {
          signal.removeEventListener('abort', abort)
          if (error) reject(error)
          else resolve()
        },
      }
      if (signal.aborted) return reject(signal.reason as Error)
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.splice(this.#firstAfter(revision), 0, waiter)
    })
  }

  /** Resolves everyone who waits for `revision` or less. */
  reached(revision: number): void {
    if ((this.#waiting[0]?.revision ?? Infinity) > revision) return
    for (const waiter of this.#waiting.splice(0, this.#firstAfter(revision))) waiter.settle()
  }

  reject(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.settle(error)
  }

  #firstAfter(revision: number): number {
    const waiting = this.#waiting
    return lowerBound(waiting.length, (index) => (waiting[index]?.revision ?? Infinity) <= revision)
  }
}
