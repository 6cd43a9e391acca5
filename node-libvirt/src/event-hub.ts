import type { LibvirtEvent } from './generated/types.ts'

/** Events may have been missed: read again whatever you follow. Comes first, after each (re)connect, and after an overflow. */
export interface ResyncEvent {
  readonly type: 'resync'
}

/** What a follower of a host gets. */
export type HostEvent = LibvirtEvent | ResyncEvent

export interface ListenOptions {
  /** Events kept for a slow reader; when there are more, they are dropped for one `resync`. 1000 by default. */
  readonly buffer?: number | undefined
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal | undefined
}

const resync: ResyncEvent = { type: 'resync' }

/** Hands each event to every follower. Never waits for any of them. */
export class EventHub {
  readonly #followers = new Set<Follower>()
  #closed = false

  publish(event: HostEvent): void {
    for (const follower of this.#followers) follower.add(event)
  }

  /** Follows from now on; with `behind`, starting with a `resync`, because the caller has seen nothing yet. */
  follow({ buffer = 1000, signal }: ListenOptions, behind: boolean): AsyncIterableIterator<HostEvent> {
    const follower = new Follower(Math.max(1, buffer), (ended) => this.#followers.delete(ended))
    if (this.#closed || signal?.aborted === true) follower.end()
    else {
      this.#followers.add(follower)
      if (signal !== undefined) follower.endWith(signal)
      if (behind) follower.add(resync)
    }
    return follower
  }

  close(): void {
    this.#closed = true
    for (const follower of this.#followers) follower.end()
  }
}

class Follower implements AsyncIterableIterator<HostEvent> {
  readonly #limit: number
  readonly #onEnd: (follower: Follower) => void
  #events: HostEvent[] = []
  #waiting: ((result: IteratorResult<HostEvent, undefined>) => void)[] = []
  #ended = false
  #signal: AbortSignal | undefined
  readonly #onAbort = () => this.end()

  constructor(limit: number, onEnd: (follower: Follower) => void) {
    this.#limit = limit
    this.#onEnd = onEnd
  }

  endWith(signal: AbortSignal): void {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  add(event: HostEvent): void {
    const reader = this.#waiting.shift()
    if (reader !== undefined) return reader({ value: event, done: false })
    // After a resync everything older is history.
    if (event.type === 'resync' || this.#events.length >= this.#limit) this.#events = [resync]
    else this.#events.push(event)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#events = []
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#onEnd(this)
    for (const reader of this.#waiting) reader({ value: undefined, done: true })
    this.#waiting = []
  }

  next(): Promise<IteratorResult<HostEvent, undefined>> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  return(): Promise<IteratorResult<HostEvent, undefined>> {
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
