/** The gRPC frame in front of each message: not compressed, then its length. */
export const framePrefix = 5

const varint = 0
const delimited = 2

/** Writes protobuf fields one after the other; zero, false and empty values are left out, as the format has it. */
export class ProtoWriter {
  #bytes: Buffer
  #length: number

  /** `reserved` bytes stay free in front; `size` is a guess at the length. */
  constructor(size = 64, reserved = 0) {
    this.#bytes = Buffer.allocUnsafe(size + reserved)
    this.#length = reserved
  }

  number(field: number, value: number | undefined): this {
    if (value === undefined || value === 0) return this
    this.#reserve(16)
    this.#varint(field * 8 + varint)
    this.#varint(value)
    return this
  }

  bool(field: number, value: boolean | undefined): this {
    return this.number(field, value === true ? 1 : 0)
  }

  /** A 64-bit id in decimal. */
  id(field: number, value: string | undefined): this {
    if (value === undefined) return this
    this.#reserve(16)
    this.#varint(field * 8 + varint)
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.#length++] = Number(rest)
    return this
  }

  bytes(field: number, value: Buffer | undefined): this {
    return value === undefined || value.length === 0 ? this : this.message(field, value)
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  /** As `bytes`, but an empty message is there nevertheless. */
  message(field: number, value: Buffer): this {
    this.#reserve(value.length + 16)
    this.#varint(field * 8 + delimited)
    this.#varint(value.length)
    value.copy(this.#bytes, this.#length)
    this.#length += value.length
    return this
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** The message as a gRPC frame; the writer has to have reserved `framePrefix` bytes. */
  framed(): Buffer {
    this.#bytes[0] = 0
    this.#bytes.writeUInt32BE(this.#length - framePrefix, 1)
    return this.done()
  }

  #varint(value: number): void {
    let rest = value
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 0x80
    this.#bytes[this.#length++] = rest
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** Reads protobuf fields one after the other: after each `next`, exactly one of the readers, or `skip`. */
export class ProtoReader {
  readonly #bytes: Buffer
  #at = 0
  #wire = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** The number of the next field; 0 at the end. */
  next(): number {
    if (this.#at >= this.#bytes.length) return 0
    const tag = this.number()
    this.#wire = tag % 8
    return Math.floor(tag / 8)
  }

  /** Exact up to 2^53; ids are to be read with `id`. */
  number(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  id(): string {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return String(BigInt.asIntN(64, value))
    }
  }

  /** A view of the message that is read, not a copy. */
  bytes(): Buffer {
    const length = this.number()
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed()
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  text(): string {
    return this.bytes().toString()
  }

  skip(): void {
    if (this.#wire === varint) this.number()
    else if (this.#wire === delimited) this.bytes()
    else if (this.#wire === 1) this.#at += 8
    else if (this.#wire === 5) this.#at += 4
    else throw malformed()
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw malformed()
    return byte
  }
}

function malformed(): Error {
  return new Error('etcd sent a message that is no protobuf')
}
