import { framePrefix } from './proto.ts'

const nothing = Buffer.alloc(0)

/** Cuts a stream of bytes into the gRPC messages that it carries. */
export class FrameReader {
  #pieces: Buffer[] = []
  #length = 0
  /** Bytes that have to be there before there is anything to do. */
  #needed = framePrefix

  /** The messages that are complete with this piece: views of it, where one holds them whole. */
  take(piece: Buffer): Buffer[] {
    const messages: Buffer[] = []
    this.#pieces.push(piece)
    this.#length += piece.length
    // A large message comes in many pieces, which are put together once: when all are there.
    if (this.#length < this.#needed) return messages
    let bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces)
    for (;;) {
      this.#needed = bytes.length < framePrefix ? framePrefix : framePrefix + bytes.readUInt32BE(1)
      if (bytes.length < this.#needed) break
      messages.push(bytes.subarray(framePrefix, this.#needed))
      bytes = bytes.subarray(this.#needed)
    }
    this.#pieces = bytes.length === 0 ? [] : [bytes]
    this.#length = bytes.length
    return messages
  }

  /** The one message of a short answer; empty when there was none. */
  static only(pieces: readonly Buffer[]): Buffer {
    const bytes = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces)
    return bytes.length < framePrefix ? nothing : bytes.subarray(framePrefix)
  }
}
