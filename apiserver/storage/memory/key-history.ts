import { lowerBound } from '../sorted-search.ts'
import type { StoredItem } from '../storage.ts'

/** One state of one key: `item` is undefined from the revision of its deletion on. */
interface Version {
  readonly revision: number
  readonly item: StoredItem | undefined
}

/** Every version of every key since the last compaction, readable at any revision in between. */
export class KeyHistory {
  readonly #versions = new Map<string, Version[]>()
  /** Keys with any version left, in order. */
  readonly #keys: string[] = []

  /** Records what `key` holds from `revision` on. */
  record(key: string, revision: number, item: StoredItem | undefined): void {
    const versions = this.#versions.get(key)
    if (versions) versions.push({ revision, item })
    else {
      this.#versions.set(key, [{ revision, item }])
      this.#keys.splice(this.#firstKeyFrom(key), 0, key)
    }
  }

  at(key: string, revision: number): StoredItem | undefined {
    return this.#versions.get(key)?.findLast((version) => version.revision <= revision)?.item
  }

  /** In key order, from `from` (inclusive) on, as long as keys start with `prefix`. */
  listAt(prefix: string, from: string, revision: number): StoredItem[] {
    const items: StoredItem[] = []
    for (let index = this.#firstKeyFrom(from); index < this.#keys.length; index++) {
      const key = this.#keys[index]
      if (key === undefined || !key.startsWith(prefix)) break
      const item = this.at(key, revision)
      if (item) items.push(item)
    }
    return items
  }

  /** Drops every version that no read at `revision` or later can see. */
  compact(revision: number): void {
    for (const [key, versions] of this.#versions) {
      const visible = versions.findLastIndex((version) => version.revision <= revision)
      if (visible < 0) continue
      const isDeletion = versions[visible]?.item === undefined
      versions.splice(0, isDeletion ? visible + 1 : visible)
      if (versions.length > 0) continue
      this.#versions.delete(key)
      this.#keys.splice(this.#firstKeyFrom(key), 1)
    }
  }

  #firstKeyFrom(key: string): number {
    const keys = this.#keys
    return lowerBound(keys.length, (index) => (keys[index] ?? '') < key)
  }
}
