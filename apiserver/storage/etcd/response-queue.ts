/** A source that calls back and can be held up. */
interface Source<T> {
  on(event: 'data', take: (item: T) => void): unknown
  on(event: 'error', take: (error: Error) => void): unknown
  on(event: 'end', take: () => void): unknown
  pause(): void
  resume(): void
}

/** Responses waiting for the reader; the source is held up while there are more. */
const mostWaiting = 256

/** Turns a stream of responses into awaited ones, without letting a slow reader fill the memory. */
export class ResponseQueue<T> {
  #waiting: T[] = []
  #source: Source<T> | undefined
  #error: Error | undefined
  #ended = false
  #paused = false
  #wake: () => void = () => {}

  attach(source: Source<T>): void {
    this.#source = source
    source.on('data', (item) => {
      this.#waiting.push(item)
      if (this.#waiting.length >= mostWaiting && !this.#paused) {
        this.#paused = true
        source.pause()
      }
      this.#wake()
    })
    source.on('error', (error) => this.fail(error))
    source.on('end', () => this.fail(new Error('the stream ended')))
  }

  /** The reader gets what has come so far, then this error. */
  fail(error: Error): void {
    this.#error ??= error
    this.#wake()
  }

  /** The reader gets nothing more. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** The next response, or undefined after `end`. Throws the error of a failed source. */
  async next(): Promise<T | undefined> {
    for (;;) {
      if (this.#ended) return undefined
      const item = this.#waiting.shift()
      if (item !== undefined) return item
      if (this.#error) throw this.#error
      if (this.#paused) {
        this.#paused = false
        this.#source?.resume()
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
