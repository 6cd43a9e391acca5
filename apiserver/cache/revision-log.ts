import { lowerBound } from '../storage/sorted-search.ts'

/** Entries in revision order, of which the oldest are dropped. Places in it stay valid when that happens. */
export class RevisionLog<T> {
  readonly #revisionOf: (entry: T) => number
  #entries: T[] = []
  #dropped = 0
  #start: number

  constructor(start: number, revisionOf: (entry: T) => number) {
    this.#start = start
    this.#revisionOf = revisionOf
  }

  /** Every entry after this revision is held. */
  get start(): number {
    return this.#start
  }

  get length(): number {
    return this.#entries.length
  }

  /** The place after the newest entry. */
  get end(): number {
    return this.#dropped + this.#entries.length
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  /** The place of the first entry after `revision`. */
  placeAfter(revision: number): number {
    const entries = this.#entries
    const isOld = (index: number) => {
      const entry = entries[index]
      return entry !== undefined && this.#revisionOf(entry) <= revision
    }
    return this.#dropped + lowerBound(entries.length, isOld)
  }

  /** From `place` on, at most `count`; undefined when some of them are dropped already. */
  from(place: number, count = Infinity): T[] | undefined {
    if (place < this.#dropped) return undefined
    return this.#entries.slice(place - this.#dropped, place - this.#dropped + count)
  }

  /** Drops the oldest entries so that `count` remain. */
  keepLast(count: number): void {
    const excess = this.#entries.length - count
    const last = this.#entries[excess - 1]
    if (last === undefined) return
    this.#start = this.#revisionOf(last)
    this.#entries = this.#entries.slice(excess)
    this.#dropped += excess
  }

  /** Drops everything and starts anew after `revision`. */
  reset(revision: number): void {
    this.#dropped += this.#entries.length
    this.#entries = []
    this.#start = revision
  }
}
