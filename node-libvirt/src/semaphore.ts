/** Lets a bounded number of holders in at once; the others wait in order. */
export class Semaphore {
  #free: number
  #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  /** Resolves with the function that gives the place back; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const enter = () => {
        signal.removeEventListener('abort', giveUp)
        resolve(() => this.#release())
      }
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((other) => other !== enter)
        reject(signal.reason)
      }
      if (this.#free > 0) {
        this.#free -= 1
        return enter()
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.push(enter)
    })
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
