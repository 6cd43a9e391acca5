import { setImmediate } from 'node:timers/promises'
import type { StorageBatch, StorageEvent } from '../storage/storage.ts'
import { RevisionLog, type LogLimits } from './revision-log.ts'

/** Events that are applied in one go: a few milliseconds of work. */
const sliceSize = 200
/** Batches that may wait before the storage watch is held up. */
const mostWaiting = 5_000
/** An event without its value. */
const entryBytes = 200

export interface EventFeedOptions {
  /** What is kept for `replayFrom`. */
  readonly history: LogLimits
  /** True when the event has found its place: it is not kept for a replay then. */
  apply(event: StorageEvent): boolean
  /** Called after the events of a tick were applied and `revision` moved on. */
  deliver(): void
}

/** Events of the past, in slices, up to the present. */
export interface Replay {
  /** The next events; none at the end; undefined when the feed was reset and the rest can't be had. */
  next(count: number): readonly StorageEvent[] | undefined
  /** Lets the feed forget these events. */
  end(): void
}

/**
 * Takes batches from the storage watch as they come and applies them once per tick, all of them together unless there
 * are so many that the event loop would be held up.
 */
export class EventFeed {
  readonly #options: EventFeedOptions
  readonly #history: RevisionLog<StorageEvent>
  readonly #replays = new Set<object>()
  readonly #waiting: StorageEvent[] = []
  #received = 0
  #revision = 0
  #epoch = 0
  #draining: Promise<void> | undefined

  constructor(options: EventFeedOptions) {
    this.#options = options
    this.#history = new RevisionLog(0, {
      revisionOf: (event) => event.revision,
      sizeOf: (event) => (event.type === 'put' ? event.value.length : 0) + entryBytes,
    })
  }

  /** Everything up to here is applied and delivered. */
  get revision(): number {
    return this.#revision
  }

  /** Everything up to here was taken, and waits at most. */
  get received(): number {
    return this.#received
  }

  /** Events after this revision that found no place can be replayed. */
  get start(): number {
    return this.#history.start
  }

  /** Changes with every `reset`. */
  get epoch(): number {
    return this.#epoch
  }

  /** Resolves when the next batch may come. */
  async take(batch: StorageBatch): Promise<void> {
    for (const event of batch.events) this.#waiting.push(event)
    this.#received = Math.max(this.#received, batch.revision)
    this.#draining ??= this.#drain()
    if (this.#waiting.length >= mostWaiting) await this.#draining
  }

  /** Resolves once everything that was taken is applied. */
  async drained(): Promise<void> {
    await this.#draining
  }

  /** Forgets all history and stands at `revision`. */
  reset(revision: number): void {
    this.#history.reset(revision)
    this.#revision = revision
    this.#received = revision
    this.#epoch++
  }

  replayFrom(revision: number): Replay {
    const history = this.#history
    const epoch = this.#epoch
    let place = history.placeAfter(revision)
    const token = {}
    this.#replays.add(token)
    return {
      next: (count) => {
        const events = epoch === this.#epoch ? history.from(place, count) : undefined
        place += events?.length ?? 0
        return events
      },
      end: () => void this.#replays.delete(token),
    }
  }

  async #drain(): Promise<void> {
    do {
      // Lets the rest of this tick's batches come in.
      await setImmediate()
      this.#applySlice()
    } while (this.#waiting.length > 0)
    this.#draining = undefined
  }

  #applySlice(): void {
    const count = this.#sliceLength()
    const events = this.#waiting.splice(0, count)
    for (const event of events) {
      if (!this.#options.apply(event)) this.#history.push(event)
    }
    this.#revision = this.#waiting.length === 0 ? this.#received : (events.at(-1)?.revision ?? this.#revision)
    if (this.#replays.size === 0) this.#history.trim(this.#options.history)
    this.#options.deliver()
  }

  /** About a slice, but never part of a transaction: its events share a revision. */
  #sliceLength(): number {
    const waiting = this.#waiting
    let length = Math.min(sliceSize, waiting.length)
    while (length < waiting.length && waiting[length]?.revision === waiting[length - 1]?.revision) length++
    return length
  }
}
