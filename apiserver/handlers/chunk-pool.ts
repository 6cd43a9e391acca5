/** Measured best: smaller pieces cost more writes, larger ones more memory. */
export const chunkBytes = 256 * 1024

const maxSpare = 16

/** Buffers for long answers, used again and again: fresh ones of this size keep the garbage collector busy. */
export class ChunkPool {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)
  }

  /** Only when nobody reads the buffer any more. */
  giveBack(chunk: Buffer): void {
    if (this.#spare.length < maxSpare) this.#spare.push(chunk)
  }
}

/** Gathers small pieces into chunks; each full one goes to `write`, which calls back once the bytes are out. */
export class ChunkWriter {
  readonly #pool: ChunkPool
  readonly #write: (bytes: Buffer, done: () => void) => boolean
  #chunk: Buffer | undefined
  #used = 0
  /** False while the other side is full. */
  ready = true

  constructor(pool: ChunkPool, write: (bytes: Buffer, done: () => void) => boolean) {
    this.#pool = pool
    this.#write = write
  }

  add(piece: Buffer | string): void {
    const size = typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
    if (this.#used + size > chunkBytes) this.flush()
    if (size > chunkBytes) {
      this.ready = this.#write(typeof piece === 'string' ? Buffer.from(piece) : piece, () => {})
      return
    }
    this.#chunk ??= this.#pool.take()
    if (typeof piece === 'string') this.#chunk.write(piece, this.#used)
    else piece.copy(this.#chunk, this.#used)
    this.#used += size
  }

  flush(): void {
    const chunk = this.#chunk
    if (!chunk || this.#used === 0) return
    const bytes = chunk.subarray(0, this.#used)
    this.#chunk = undefined
    this.#used = 0
    this.ready = this.#write(bytes, () => this.#pool.giveBack(chunk))
  }
}
