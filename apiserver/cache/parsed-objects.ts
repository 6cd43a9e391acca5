/** Something that can do without its parsed form until it is asked for it again. */
export interface Parsed {
  /** Bytes of its JSON, a measure of what the parsed form takes. */
  readonly size: number
  /** Drops the parsed form. */
  forget(): void
}

/**
 * Keeps the parsed forms of the objects that were parsed last, up to so many bytes of JSON. A parsed object takes
 * several times the memory of its JSON, and long-lived ones make every garbage collection longer; most objects are
 * only ever handed out as the bytes they are.
 */
export class ParsedObjects {
  readonly #mostBytes: number
  readonly #held: Parsed[] = []
  /** Of the oldest in `#held`; what is before it is forgotten already. */
  #first = 0
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** `object` has just been parsed. */
  hold(object: Parsed): void {
    this.#held.push(object)
    this.#bytes += object.size
    while (this.#bytes > this.#mostBytes) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const oldest = this.#held[this.#first]
    if (oldest === undefined) return
    this.#first++
    this.#bytes -= oldest.size
    oldest.forget()
    if (this.#first * 2 < this.#held.length) return
    this.#held.splice(0, this.#first)
    this.#first = 0
  }
}
