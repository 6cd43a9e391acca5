import { lowerBound } from '../storage/sorted-search.ts'

/** How much is kept; trimming leaves some room, so that it is not due again at once. */
export interface LogLimits {
  readonly entries: number
  readonly bytes: number
}

export interface LogEntries<T> {
  revisionOf(entry: T): number
  /** Bytes that the entry keeps in memory, about. */
  sizeOf(entry: T): number
}

/** Entries in revision order, of which the oldest are dropped. Places in it stay valid when that happens. */
export class RevisionLog<T> {
  readonly #of: LogEntries<T>
  #entries: T[] = []
  #bytes = 0
  #dropped = 0
  #start: number

  constructor(start: number, of: LogEntries<T>) {
    this.#start = start
    this.#of = of
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
    this.#bytes += this.#of.sizeOf(entry)
  }

  /** The place of the first entry after `revision`. */
  placeAfter(revision: number): number {
    const entries = this.#entries
    const isOld = (index: number) => {
      const entry = entries[index]
      return entry !== undefined && this.#of.revisionOf(entry) <= revision
    }
    return this.#dropped + lowerBound(entries.length, isOld)
  }

  /** From `place` on, at most `count`; undefined when some of them are dropped already. */
  from(place: number, count = Infinity): T[] | undefined {
    if (place < this.#dropped) return undefined
    return this.#entries.slice(place - this.#dropped, place - this.#dropped + count)
  }

  /** Drops the oldest entries when there are a quarter more than `limits` allow. */
  trim({ entries, bytes }: LogLimits): void {
    if (this.#entries.length <= entries * 1.25 && this.#bytes <= bytes * 1.25) return
    let excess = Math.max(0, this.#entries.length - entries)
    let kept = this.#bytes
    for (const [index, entry] of this.#entries.entries()) {
      if (index >= excess && kept <= bytes) break
      excess = Math.max(excess, index + 1)
      kept -= this.#of.sizeOf(entry)
    }
    const last = this.#entries[excess - 1]
    if (last === undefined) return
    this.#start = this.#of.revisionOf(last)
    this.#entries = this.#entries.slice(excess)
    this.#bytes = kept
    this.#dropped += excess
  }

  /** Drops everything and starts anew after `revision`. */
  reset(revision: number): void {
    this.#dropped += this.#entries.length
    this.#entries = []
    this.#bytes = 0
    this.#start = revision
  }
}
