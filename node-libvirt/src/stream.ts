import { Duplex } from 'node:stream'
import { DisconnectedError } from './errors.ts'
import { maxStreamPayload } from './frame.ts'

/** What a stream needs of its connection. */
export interface StreamPort {
  /** Sends one piece of at most 262120 bytes; `sent` is called when the connection takes more. */
  data(piece: Uint8Array, sent: (error?: Error | null) => void): void
  /** Sends a run of zeros as a number. */
  hole(length: bigint, sent: (error?: Error | null) => void): void
  /** Says that this side has nothing more to send or to ask. */
  finish(): void
  /** Says that this side wants no more; late data is dropped by the connection. */
  abort(): void
  /** Stops reading the whole connection. */
  pause(): void
  resume(): void
}

export interface StreamOptions {
  readonly direction: 'read' | 'write' | 'both'
  /** Object mode: chunks are `Buffer` or `StreamHole`. Without it holes are read as zeros. */
  readonly sparse?: boolean | undefined
}

/** A run of zero bytes that a sparse stream names instead of carrying it. */
export class StreamHole {
  readonly length: bigint

  constructor(length: bigint) {
    this.length = length
  }
}

const zeros = Buffer.alloc(65_536)

/**
 * The data that goes with a call such as `domainOpenConsole` or `storageVolUpload`.
 *
 * `end` means that the daemon has confirmed everything it sent; `finish` that it has confirmed everything it got.
 * `destroy()` aborts the transfer on both sides. A failure in the daemon destroys the stream with a `LibvirtError`.
 * While nobody reads, the connection under it is not read either: that is why each stream has its own.
 */
export class LibvirtStream extends Duplex {
  readonly #port: StreamPort
  readonly #direction: StreamOptions['direction']
  readonly #sparse: boolean
  #inbox: (Buffer | bigint | 'end')[] = []
  #wantsData = true
  #finishSent = false
  /** The daemon has said its last word: there is nothing to abort any more. */
  #over = false
  /** Nobody has had the chance to listen for errors yet. */
  #isFresh = true
  #onConfirmed: ((error?: Error | null) => void) | undefined

  constructor(port: StreamPort, { direction, sparse = false }: StreamOptions) {
    const sides = { readable: direction !== 'write', writable: direction !== 'read' }
    super({
      ...sides,
      readableObjectMode: sparse,
      writableObjectMode: sparse,
      // A terminal whose other end has gone has nobody to write to.
      allowHalfOpen: direction !== 'both',
      ...(sparse ? {} : { writableHighWaterMark: maxStreamPayload }),
    })
    this.#port = port
    this.#direction = direction
    this.#sparse = sparse
    setImmediate(() => {
      this.#isFresh = false
    })
  }

  /** @internal A piece of data has come; an empty one means that no more will. */
  receive(piece: Buffer): void {
    if (piece.length > 0) this.#inbox.push(piece)
    else this.#sendFinish()
    this.#drain()
  }

  /** @internal The daemon skips so many zero bytes. */
  receiveHole(length: bigint): void {
    if (length > 0n) this.#inbox.push(length)
    this.#drain()
  }

  /** @internal The daemon has confirmed the end. */
  receiveEnd(): void {
    this.#over = true
    if (this.#direction !== 'write') {
      this.#inbox.push('end')
      this.#drain()
    }
    this.#onConfirmed?.()
    this.#onConfirmed = undefined
  }

  /** @internal The daemon gave up, or the connection is lost. */
  receiveError(error: Error): void {
    this.#over = true
    // The failure may follow the reply in one burst, before the caller's promise has resolved.
    if (this.#isFresh) setImmediate(() => this.destroy(error))
    else this.destroy(error)
  }

  override _read(): void {
    this.#wantsData = true
    this.#drain()
  }

  override _write(
    chunk: Buffer | StreamHole,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    if (this.#over) return callback(new DisconnectedError('The stream has ended'))
    if (chunk instanceof StreamHole) return this.#port.hole(chunk.length, callback)
    if (!(chunk instanceof Uint8Array)) return callback(new TypeError('Write a Uint8Array or a StreamHole'))
    if (chunk.length === 0) return callback()
    for (let at = 0; at < chunk.length; at += maxStreamPayload) {
      const isLast = at + maxStreamPayload >= chunk.length
      this.#port.data(chunk.subarray(at, at + maxStreamPayload), isLast ? callback : ignore)
    }
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#over) return callback()
    this.#onConfirmed = callback
    this.#sendFinish()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inbox = []
    if (!this.#over) {
      this.#over = true
      this.#port.abort()
    }
    this.#port.resume()
    callback(error)
  }

  #sendFinish(): void {
    if (this.#finishSent || this.#over) return
    this.#finishSent = true
    this.#port.finish()
  }

  /** Gives the reader what has come, as long as it takes more. */
  #drain(): void {
    while (this.#wantsData) {
      const next = this.#inbox[0]
      if (next === undefined) break
      if (typeof next === 'bigint' && !this.#sparse) this.#pushZeros(next)
      else {
        this.#inbox.shift()
        this.#pushOne(next)
      }
    }
    if (this.destroyed || this.#inbox.length === 0) this.#port.resume()
    else this.#port.pause()
  }

  #pushOne(next: Buffer | bigint | 'end'): void {
    if (next === 'end') {
      this.push(null)
      this.#wantsData = false
    } else this.#wantsData = this.push(typeof next === 'bigint' ? new StreamHole(next) : next)
  }

  #pushZeros(length: bigint): void {
    const piece = length < BigInt(zeros.length) ? Number(length) : zeros.length
    const left = length - BigInt(piece)
    if (left === 0n) this.#inbox.shift()
    else this.#inbox[0] = left
    this.#wantsData = this.push(zeros.subarray(0, piece))
  }
}

function ignore(): void {}
