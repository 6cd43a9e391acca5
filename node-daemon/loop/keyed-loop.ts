import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import { Backoff } from './backoff.ts'

/** How a pass over a key ended, for metrics. */
export type PassResult = 'done' | 'conflict' | 'error'

export interface KeyedLoopOptions {
  readonly name: string
  readonly clock: Clock
  readonly log: Logger
  /** Keys worked on at the same time; one key never is twice. Default 4. */
  readonly concurrency?: number
  /** Looks at one key. What it returns asks for another look after that many milliseconds. What it throws is retried. */
  readonly run: (key: string, signal: AbortSignal) => Promise<number | undefined>
  readonly observe?: (result: PassResult, seconds: number) => void
}

const firstRetryMs = 100
const maxRetryMs = 30_000

/**
 * Runs passes over keys: any number of wishes for the same key become one pass, a wish during a pass becomes one more
 * pass after it, a failed pass is repeated with growing delay or as soon as something asks for the key.
 */
export class KeyedLoop {
  readonly #options: KeyedLoopOptions
  readonly #backoff: Backoff
  readonly #waiting = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #again = new Set<string>()
  readonly #timers = new Map<string, { readonly at: number; readonly cancel: () => void }>()
  readonly #stop = new AbortController()
  #started = false

  constructor(options: KeyedLoopOptions) {
    this.#options = options
    this.#backoff = new Backoff({ clock: options.clock, firstMs: firstRetryMs, maxMs: maxRetryMs })
  }

  /** Wishes before this are kept and done after it. */
  start(): void {
    this.#started = true
    this.#drain()
  }

  enqueue(key: string): void {
    if (this.#stop.signal.aborted) return
    this.#cancelTimer(key)
    if (this.#running.has(key)) this.#again.add(key)
    else this.#waiting.add(key)
    this.#drain()
  }

  /** An earlier wish that is due sooner stands. */
  enqueueAfter(key: string, ms: number): void {
    if (this.#stop.signal.aborted) return
    const { clock } = this.#options
    const at = clock.monotonic() + ms
    const pending = this.#timers.get(key)
    if (pending !== undefined && pending.at <= at) return
    pending?.cancel()
    const cancel = clock.after(ms, () => {
      this.#timers.delete(key)
      this.enqueue(key)
    })
    this.#timers.set(key, { at, cancel })
  }

  /** True when no pass runs and none is due now. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#running.size === 0
  }

  /** Tells the passes that are under way to end and resolves when they have. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error(`the ${this.#options.name} loop was stopped`))
    for (const { cancel } of this.#timers.values()) cancel()
    this.#timers.clear()
    this.#waiting.clear()
    this.#again.clear()
    await Promise.all(this.#running.values())
  }

  #drain(): void {
    if (!this.#started) return
    for (const key of this.#waiting) {
      if (this.#running.size >= (this.#options.concurrency ?? 4)) return
      this.#waiting.delete(key)
      this.#running.set(
        key,
        this.#pass(key).finally(() => this.#ended(key)),
      )
    }
  }

  #ended(key: string): void {
    this.#running.delete(key)
    if (this.#again.delete(key)) this.#waiting.add(key)
    this.#drain()
  }

  async #pass(key: string): Promise<void> {
    const { clock, run, observe } = this.#options
    const before = clock.monotonic()
    const seconds = () => (clock.monotonic() - before) / 1000
    // Begins in a later turn, so that a burst of wishes is one pass and whoever enqueues is never re-entered.
    await setImmediate()
    this.#again.delete(key)
    try {
      const againAfterMs = await run(key, this.#stop.signal)
      this.#backoff.reset(key)
      observe?.('done', seconds())
      if (againAfterMs !== undefined) this.enqueueAfter(key, againAfterMs)
    } catch (error) {
      this.#failed(key, error, seconds())
    }
  }

  #failed(key: string, error: unknown, seconds: number): void {
    if (this.#stop.signal.aborted) return
    // Somebody wrote at the same time as we did. The change is on its way to us: no failure, only try again.
    const quiet = isConflict(error) || isNotFound(error)
    this.#options.observe?.(quiet ? 'conflict' : 'error', seconds)
    const retryAfterMs = this.#backoff.fail(key)
    const fields = { key, error, retryAfterMs }
    if (quiet) this.#options.log.debug('Pass met a concurrent change', fields)
    else this.#options.log.warn('Pass failed', fields)
    this.enqueueAfter(key, retryAfterMs)
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }
}
