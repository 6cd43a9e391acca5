import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isConflict } from '../../apimachinery/status-error.ts'

export interface KeyQueueOptions {
  /** What the work is, for the log. */
  readonly name: string
  /** Brings what the key names to where it should be. Throwing means trying again later. */
  readonly work: (key: string) => Promise<void>
  /** How many keys are worked on at a time; default 1. A key never runs twice at once. */
  readonly concurrency?: number
  readonly clock: Clock
  readonly log: Logger
  /** Ends all work. */
  readonly signal: AbortSignal
}

const firstRetryMs = 100
const maxRetryMs = 30_000

/** Keys that need a look, each once however often it was added; failures are tried again with growing pauses. */
export class KeyQueue {
  readonly #options: KeyQueueOptions
  readonly #waiting = new Set<string>()
  readonly #working = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #idle: (() => void)[] = []

  constructor(options: KeyQueueOptions) {
    this.#options = options
  }

  add(key: string): void {
    this.#waiting.add(key)
    queueMicrotask(() => this.#start())
  }

  addAfter(key: string, ms: number): void {
    const { clock, signal } = this.#options
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', cancel)
      this.add(key)
    })
    signal.addEventListener('abort', cancel, { once: true })
  }

  /** Resolves when nothing waits or is worked on. */
  idle(): Promise<void> {
    if (this.#waiting.size === 0 && this.#working.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #start(): void {
    const { concurrency = 1, signal } = this.#options
    for (const key of this.#waiting) {
      if (signal.aborted || this.#working.size >= concurrency) return
      if (this.#working.has(key)) continue
      this.#waiting.delete(key)
      this.#working.add(key)
      void this.#run(key)
    }
  }

  async #run(key: string): Promise<void> {
    const { work, signal } = this.#options
    try {
      await work(key)
      this.#failures.delete(key)
    } catch (error) {
      if (!signal.aborted) this.#failed(key, error)
    }
    this.#working.delete(key)
    this.#start()
    if (this.#waiting.size === 0 && this.#working.size === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #failed(key: string, error: unknown): void {
    const { log, name } = this.#options
    const failures = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, failures)
    // Somebody else wrote first: that is how replicas share the work.
    if (!isConflict(error)) log.warn('Work on object failed', { work: name, key, failures, error })
    this.addAfter(key, Math.min(maxRetryMs, firstRetryMs * 2 ** (failures - 1)))
  }
}
