/** Where finished events go. Never makes the caller wait. */
export interface AuditSink {
  /** `log` or `webhook`, the `plugin` of the metrics. */
  readonly name: string
  /** Takes one event as a line of JSON without its newline; false when it had to be dropped. */
  take(line: string): boolean
  /** Writes out what it still holds, for a bounded time. */
  close(): Promise<void>
}

/** Bounded by number and by size, because events with bodies are large. */
export class AuditQueue {
  readonly #mostLines: number
  readonly #mostBytes: number
  #lines: string[] = []
  #bytes = 0

  constructor(mostLines: number, mostBytes: number) {
    this.#mostLines = mostLines
    this.#mostBytes = mostBytes
  }

  get size(): number {
    return this.#lines.length
  }

  /** False when the queue is full. */
  push(line: string): boolean {
    if (this.#lines.length >= this.#mostLines || this.#bytes + line.length > this.#mostBytes) return false
    this.#lines.push(line)
    this.#bytes += line.length
    return true
  }

  /** Takes out the oldest lines: at most `count`, and no more than `bytes` unless the first alone is longer. */
  shift(count: number, bytes = Infinity): string[] {
    let taken = 0
    let size = 0
    for (const { length } of this.#lines) {
      if (taken === count || (taken > 0 && size + length > bytes)) break
      taken += 1
      size += length
    }
    this.#bytes -= size
    return this.#lines.splice(0, taken)
  }
}
