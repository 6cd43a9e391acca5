import type { KubeObject, Stored } from '../../../crds/meta/object-meta.ts'
import { expired } from '../../../apimachinery/status-error.ts'

export type Item = Stored<KubeObject>

export interface StoreEvent {
  readonly revision: number
  readonly resource: string
  readonly before: Item | undefined
  readonly after: Item | undefined
}

interface Watcher {
  readonly resource: string
  readonly wake: () => void
  broken: { readonly error: unknown } | undefined
}

/** Objects by resource and key under one revision counter, and the history of their changes. Items never change. */
export class ObjectStore {
  readonly #items = new Map<string, Map<string, Item>>()
  readonly #watchers = new Set<Watcher>()
  #events: StoreEvent[] = []
  // Not 1, so that a test which confuses a revision with a generation or an index fails.
  #revision = 1000
  #compacted = 0

  get revision(): number {
    return this.#revision
  }

  get(resource: string, key: string): Item | undefined {
    return this.#items.get(resource)?.get(key)
  }

  list(resource: string): Item[] {
    return [...(this.#items.get(resource)?.values() ?? [])]
  }

  /** Every object of every resource, with where it is. */
  *everything(): Generator<{ resource: string; key: string; item: Item }> {
    for (const [resource, items] of this.#items) {
      for (const [key, item] of items) yield { resource, key, item }
    }
  }

  put(resource: string, key: string, object: Item): Item {
    const items = this.#items.get(resource) ?? new Map<string, Item>()
    this.#items.set(resource, items)
    const before = items.get(key)
    const after = this.#stamped(object)
    items.set(key, after)
    this.#record({ revision: this.#revision, resource, before, after })
    return after
  }

  remove(resource: string, key: string): void {
    const before = this.#items.get(resource)?.get(key)
    if (before === undefined) return
    this.#items.get(resource)?.delete(key)
    this.#revision += 1
    this.#record({ revision: this.#revision, resource, before, after: undefined })
  }

  #stamped(object: Item): Item {
    this.#revision += 1
    const metadata = { ...object.metadata, resourceVersion: String(this.#revision) }
    return { ...object, metadata }
  }

  #record(event: StoreEvent): void {
    this.#events.push(event)
    for (const watcher of this.#watchers) if (watcher.resource === event.resource) watcher.wake()
  }

  /** Forgets history: a watch from an earlier revision is told that it expired. */
  compact(): void {
    this.#compacted = this.#revision
    this.#events = []
  }

  /** An event without object to every watch, with the revision of now. */
  sendBookmarks(): void {
    this.#revision += 1
    for (const resource of new Set([...this.#watchers].map((watcher) => watcher.resource))) {
      this.#record({ revision: this.#revision, resource, before: undefined, after: undefined })
    }
  }

  /** Lets the revision move on without a change of any object of interest. */
  skipRevisions(count: number): void {
    this.#revision += count
  }

  /** Ends every watch: with the error, or as a server ends one when none is given. */
  breakWatches(error?: unknown): void {
    for (const watcher of this.#watchers) {
      watcher.broken = { error }
      watcher.wake()
    }
  }

  /** Throws Expired when history after `from` is not there any more. */
  checkVersion(from: number): void {
    if (from < this.#compacted) throw expired(`too old resource version: ${from} (${this.#compacted})`)
  }

  /** Events after `from`, until the signal is aborted or the watch is broken. Throws Expired. */
  async *watch(resource: string, from: number, signal: AbortSignal): AsyncGenerator<StoreEvent> {
    this.checkVersion(from)
    let wake: () => void = () => {}
    const watcher: Watcher = { resource, wake: () => wake(), broken: undefined }
    const abort = () => wake()
    this.#watchers.add(watcher)
    signal.addEventListener('abort', abort)
    try {
      let seen = from
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => (wake = resolve))
        for (const event of this.#events.filter((one) => one.resource === resource && one.revision > seen)) {
          if (signal.aborted || watcher.broken) break
          seen = event.revision
          yield event
        }
        if (watcher.broken) {
          if (watcher.broken.error === undefined) return
          throw watcher.broken.error as Error
        }
        if (
          !signal.aborted &&
          !this.#events.some((one) => one.resource === resource && one.revision > seen)
        ) {
          await changed
        }
      }
    } finally {
      signal.removeEventListener('abort', abort)
      this.#watchers.delete(watcher)
    }
  }
}
