import { lowerBound } from '../storage/sorted-search.ts'
import type { CachedObject } from './cache.ts'

/** Objects by key, and in key order. */
export class SortedItems {
  readonly #byKey = new Map<string, CachedObject>()
  readonly #inOrder: CachedObject[] = []

  get size(): number {
    return this.#byKey.size
  }

  get(key: string): CachedObject | undefined {
    return this.#byKey.get(key)
  }

  /** Adds or replaces; adding behind the last key, as a listing does, costs no search. */
  set(item: CachedObject): void {
    const items = this.#inOrder
    const isNew = !this.#byKey.has(item.key)
    this.#byKey.set(item.key, item)
    const last = items.at(-1)
    if (last === undefined || last.key < item.key) items.push(item)
    else items.splice(this.#firstFrom(item.key), isNew ? 0 : 1, item)
  }

  delete(key: string): void {
    if (this.#byKey.delete(key)) this.#inOrder.splice(this.#firstFrom(key), 1)
  }

  clear(): void {
    this.#byKey.clear()
    this.#inOrder.length = 0
  }

  /** A copy that later changes do not touch. */
  list(prefix: string): CachedObject[] {
    const items = this.#inOrder
    const from = this.#firstFrom(prefix)
    const count = lowerBound(
      items.length - from,
      (index) => items[from + index]?.key.startsWith(prefix) ?? false,
    )
    return items.slice(from, from + count)
  }

  #firstFrom(key: string): number {
    const items = this.#inOrder
    return lowerBound(items.length, (index) => (items[index]?.key ?? '') < key)
  }
}
