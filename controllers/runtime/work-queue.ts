import { BackOff } from '../../apimachinery/client/back-off.ts'
import type { Clock } from '../../apimachinery/clock.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  /** Keys worked on at the same time; one key never is by two. */
  readonly concurrency: number
  /** Must not reject: what goes wrong is its to handle, with `retry`. */
  readonly work: (key: string) => Promise<void>
  /** Told whenever the number of keys that wait for a worker changes. */
  readonly onDepth?: (depth: number) => void
  /** Between 0 and 1, for the jitter of the back-off. */
  readonly random?: () => number
}

const firstRetryMs = 50
const maxRetryMs = 60_000

/**
 * Keys to look at. A key that waits is there once however often it was added; one that is added while it is worked on
 * is worked on again afterwards.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #waiting = new Set<string>()
  readonly #active = new Set<string>()
  /** Added while active. */
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: () => void }>()
  readonly #failures = new Map<string, BackOff>()
  #closed = false
  #woken = false
  #idle: (() => void)[] = []

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  get depth(): number {
    return this.#waiting.size
  }

  /** Now, or as soon as a worker is free. */
  add(key: string): void {
    if (this.#closed) return
    if (this.#active.has(key)) {
      this.#again.add(key)
      return
    }
    this.#waiting.add(key)
    this.#wake()
    this.#options.onDepth?.(this.#waiting.size)
  }

  /** Not before `ms` have passed, unless it is added otherwise first. Of several times the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return
    const { clock } = this.#options
    const at = clock.monotonic() + ms
    const known = this.#timers.get(key)
    if (known !== undefined && known.at <= at) return
    known?.cancel()
    const cancel = clock.after(ms, () => {
      this.#timers.delete(key)
      this.add(key)
    })
    this.#timers.set(key, { at, cancel })
  }

  /** After a delay that doubles with every `retry` since the last `forget`, up to a minute. */
  retry(key: string): void {
    const known = this.#failures.get(key)
    const backOff = known ?? this.#newBackOff()
    if (known === undefined) this.#failures.set(key, backOff)
    this.addAfter(key, backOff.next())
  }

  #newBackOff(): BackOff {
    return new BackOff({
      firstMs: firstRetryMs,
      maxMs: maxRetryMs,
      random: this.#options.random ?? Math.random,
    })
  }

  /** The key is well: its next `retry` comes soon. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Takes in nothing more and forgets what waits; resolves when the work under way has ended. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { cancel } of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#waiting.clear()
    this.#again.clear()
    this.#options.onDepth?.(0)
    if (this.#active.size === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /**
   * Work begins in a turn of its own: whoever adds a key is in the middle of something, and passes that need not wait
   * for anything must not keep the process from hearing its sockets.
   */
  #wake(): void {
    if (this.#woken || this.#waiting.size === 0) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      this.#pump()
      this.#options.onDepth?.(this.#waiting.size)
    })
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#active.size >= this.#options.concurrency) return
      this.#waiting.delete(key)
      this.#active.add(key)
      // What the timer was for is being looked at now.
      this.#timers.get(key)?.cancel()
      this.#timers.delete(key)
      void this.#options.work(key).finally(() => this.#ended(key))
    }
  }

  #ended(key: string): void {
    this.#active.delete(key)
    if (this.#again.delete(key)) this.#waiting.add(key)
    this.#wake()
    if (this.#active.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
