import { lowerBound } from '../sorted-search.ts'
import type { StorageBatch, StorageEvent } from '../storage.ts'

/** Changes since the last compaction, and whoever waits for the next one. */
export class EventLog {
  #events: StorageEvent[] = []
  readonly #watchers = new Set<Watcher>()

  append(event: StorageEvent): void {
    this.#events.push(event)
    for (const watcher of this.#watchers) watcher.push(event)
  }

  /** Forgets events up to and including `revision`; watchers that are already running miss nothing. */
  compact(revision: number): void {
    this.#events = this.#events.slice(this.#firstAfter(revision))
  }

  /** Starts with what is in the log after `afterRevision`. Ends when `signal` is aborted or the log is closed. */
  async *watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncGenerator<StorageBatch> {
    const watcher = new Watcher(prefix, afterRevision)
    for (const event of this.#events.slice(this.#firstAfter(afterRevision))) watcher.push(event)
    this.#watchers.add(watcher)
    const stop = () => watcher.end()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for (;;) {
        const events = await watcher.take()
        if (events === undefined || signal.aborted) return
        yield { events, revision: events.at(-1)?.revision ?? afterRevision }
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#watchers.delete(watcher)
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.end()
  }

  #firstAfter(revision: number): number {
    const events = this.#events
    return lowerBound(events.length, (index) => (events[index]?.revision ?? 0) <= revision)
  }
}

class Watcher {
  readonly #prefix: string
  readonly #afterRevision: number
  #pending: StorageEvent[] = []
  #ended = false
  #wake: () => void = () => {}

  constructor(prefix: string, afterRevision: number) {
    this.#prefix = prefix
    this.#afterRevision = afterRevision
  }

  push(event: StorageEvent): void {
    if (event.revision <= this.#afterRevision || !event.key.startsWith(this.#prefix)) return
    this.#pending.push(event)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Everything that has come since the last call, waiting for the first event; undefined at the end. */
  async take(): Promise<StorageEvent[] | undefined> {
    while (this.#pending.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#ended) return undefined
    const events = this.#pending
    this.#pending = []
    return events
  }
}
