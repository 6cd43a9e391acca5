import type { CachedObject } from '../cache/cache.ts'

/**
 * The last few listings that were handed out in pages, so that their next pages show the same state without asking
 * the store. Only references are kept; what falls out is read from the store's history instead.
 */
export class PageSnapshots {
  readonly #max: number
  readonly #snapshots = new Map<string, readonly CachedObject[]>()

  constructor(max = 16) {
    this.#max = max
  }

  keep(prefix: string, revision: number, items: readonly CachedObject[]): void {
    const key = `${prefix}@${revision}`
    this.#snapshots.delete(key)
    this.#snapshots.set(key, items)
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= this.#max) break
      this.#snapshots.delete(oldest)
    }
  }

  find(prefix: string, revision: number): readonly CachedObject[] | undefined {
    return this.#snapshots.get(`${prefix}@${revision}`)
  }
}
