import { badRequest } from '../../apimachinery/status-error.ts'

/** One field as it stands on the wire, its meaning still open. */
export type WireField =
  | { readonly number: number; readonly wire: 'varint'; readonly value: number }
  | { readonly number: number; readonly wire: 'bytes'; readonly value: Buffer }
  /** Eight bytes, least significant first. */
  | { readonly number: number; readonly wire: 'fixed64'; readonly value: Buffer }

/** Reads the fields of one message. Throws BadRequest for bytes that are no protobuf. */
export function* wireFields(message: Buffer): Generator<WireField> {
  const reader = new WireReader(message)
  while (!reader.done) {
    const tag = reader.varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, wire: 'varint', value: reader.varint() }
        break
      case 1:
        yield { number, wire: 'fixed64', value: reader.bytes(8) }
        break
      case 2:
        yield { number, wire: 'bytes', value: reader.bytes(reader.varint()) }
        break
      case 5:
        reader.bytes(4)
        break
      default:
        throw malformed()
    }
  }
}

class WireReader {
  readonly #message: Buffer
  #at = 0

  constructor(message: Buffer) {
    this.#message = message
  }

  get done(): boolean {
    return this.#at >= this.#message.length
  }

  /** Integers beyond 2^53 lose precision; nothing that is read has any. */
  varint(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#message[this.#at++]
      if (byte === undefined) throw malformed()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw malformed()
  }

  bytes(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#message.length) throw malformed()
    const part = this.#message.subarray(this.#at, end)
    this.#at = end
    return part
  }
}

export function malformed() {
  return badRequest('the body of the request is not valid protobuf')
}
