import type { HypervisorEvent } from './hypervisor.ts'

// A consumer that is this far behind does better to list once than to look at each event.
const defaultLimit = 4096

/**
 * What one consumer of `Hypervisor.events` has yet to see. Adding never waits; more than `limit` unseen events are
 * replaced by a single `resync`, which tells the consumer all it needs.
 */
export class EventQueue implements AsyncIterableIterator<HypervisorEvent> {
  readonly #limit: number
  #events: HypervisorEvent[] = []
  #waiting: ((result: IteratorResult<HypervisorEvent>) => void)[] = []
  #ended = false
  #onEnd: () => void = () => {}

  constructor(signal: AbortSignal, options: { readonly limit?: number; readonly onEnd?: () => void } = {}) {
    this.#limit = options.limit ?? defaultLimit
    if (signal.aborted) {
      this.#ended = true
      return
    }
    const end = () => this.end()
    signal.addEventListener('abort', end, { once: true })
    this.#onEnd = () => {
      signal.removeEventListener('abort', end)
      options.onEnd?.()
    }
  }

  add(event: HypervisorEvent): void {
    if (this.#ended) return
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting({ done: false, value: event })
    this.#events.push(event)
    if (this.#events.length > this.#limit) this.#events = [{ type: 'resync' }]
  }

  /** Ends the iteration; what was not seen is dropped. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#events = []
    for (const waiting of this.#waiting) waiting({ done: true, value: undefined })
    this.#waiting = []
    this.#onEnd()
  }

  next(): Promise<IteratorResult<HypervisorEvent>> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<HypervisorEvent>> {
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
