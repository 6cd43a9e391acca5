import { ProtocolError } from './errors.ts'

/** libvirt's own bound for a string where the protocol names no smaller one, in bytes. */
const stringMax = 4_194_304

const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * Reads XDR values from a buffer, front to back.
 * Throws `ProtocolError` when the buffer ends early or a length exceeds the protocol's bound;
 * nothing is allocated for a length before that many bytes are known to be there.
 */
export class XdrReader {
  readonly #buffer: Buffer
  readonly #end: number
  #at: number

  constructor(buffer: Buffer, start = 0) {
    this.#buffer = buffer
    this.#at = start
    this.#end = buffer.length
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at
  }

  int(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  uint(): number {
    return this.#buffer.readUInt32BE(this.#take(4))
  }

  hyper(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8))
  }

  uhyper(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8))
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8))
  }

  /** A UTF-8 string of at most `max` bytes. */
  string(max = stringMax): string {
    const length = this.#length(max)
    const at = this.#take(padded(length))
    return this.#buffer.toString('utf8', at, at + length)
  }

  /** Bytes, copied out so that they do not keep the whole packet alive. */
  opaque(max: number): Uint8Array {
    const length = this.#length(max)
    const at = this.#take(padded(length))
    return new Uint8Array(this.#buffer.subarray(at, at + length))
  }

  /** Sixteen bytes in the usual text form of a UUID. */
  uuid(): string {
    const start = this.#take(16)
    let text = ''
    for (let index = 0; index < 16; index++) {
      if (index === 4 || index === 6 || index === 8 || index === 10) text += '-'
      text += hexBytes[this.#buffer[start + index] ?? 0]
    }
    return text
  }

  /** A `char[size]`: one 32-bit integer per character, ended by the first zero. */
  chars(size: number): string {
    return textOf(this.#ints(size))
  }

  /** A `char<max>`: like `chars`, with its length in front. */
  varChars(max: number): string {
    return textOf(this.#ints(this.#length(max)))
  }

  /** A `char<max>` that carries bytes, not text. */
  intBytes(max: number): Uint8Array {
    return this.#ints(this.#length(max))
  }

  array<T>(max: number, read: (r: XdrReader) => T): T[] {
    const length = this.#length(max)
    // Every element takes at least four bytes, so a longer list cannot be honest.
    if (length * 4 > this.remaining) throw new ProtocolError(`A list of ${length} does not fit its packet`)
    const items: T[] = []
    for (let index = 0; index < length; index++) items.push(read(this))
    return items
  }

  optional<T>(read: (r: XdrReader) => T): T | null {
    const flag = this.uint()
    if (flag > 1) throw new ProtocolError(`${flag} is not a pointer's presence flag`)
    return flag === 1 ? read(this) : null
  }

  optionalString(): string | null {
    return this.optional((r) => r.string())
  }

  #ints(count: number): Uint8Array {
    const start = this.#take(count * 4)
    const bytes = new Uint8Array(count)
    for (let index = 0; index < count; index++) bytes[index] = this.#buffer[start + index * 4 + 3] ?? 0
    return bytes
  }

  #length(max: number): number {
    const length = this.uint()
    if (length > max) throw new ProtocolError(`A length of ${length} exceeds the protocol's ${max}`)
    return length
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#end - at)
      throw new ProtocolError(`The packet ends ${count - (this.#end - at)} bytes too early`)
    this.#at = at + count
    return at
  }
}

/** A length with the padding to a multiple of four behind it. */
function padded(length: number): number {
  return length + (-length & 3)
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return Buffer.from(bytes.buffer, bytes.byteOffset, end === -1 ? bytes.length : end).toString('utf8')
}

/**
 * Writes XDR values into a buffer that grows as needed.
 * Throws `TypeError` or `RangeError` for a value that the protocol cannot carry, instead of sending another one.
 */
export class XdrWriter {
  #buffer: Buffer
  #at: number

  /** `reserved` bytes stay free at the front, for a header. */
  constructor(reserved = 0) {
    this.#buffer = Buffer.allocUnsafe(128)
    this.#at = reserved
  }

  /** What has been written, the reserved bytes included. The writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  int(value: number): void {
    if (!Number.isInteger(value)) throw new TypeError(`expected an integer, got ${show(value)}`)
    const at = this.#grow(4)
    this.#buffer.writeInt32BE(value, at)
  }

  uint(value: number): void {
    if (!Number.isInteger(value)) throw new TypeError(`expected an integer, got ${show(value)}`)
    // Flag words built with `|` are signed in JavaScript: 1 << 31 is negative and means bit 31.
    const at = this.#grow(4)
    this.#buffer.writeUInt32BE(value < 0 && value >= -0x8000_0000 ? value >>> 0 : value, at)
  }

  hyper(value: bigint): void {
    if (typeof value !== 'bigint') throw new TypeError(`expected a bigint, got ${show(value)}`)
    const at = this.#grow(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  uhyper(value: bigint): void {
    if (typeof value !== 'bigint') throw new TypeError(`expected a bigint, got ${show(value)}`)
    const at = this.#grow(8)
    this.#buffer.writeBigUInt64BE(value, at)
  }

  double(value: number): void {
    if (typeof value !== 'number') throw new TypeError(`expected a number, got ${show(value)}`)
    const at = this.#grow(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  string(value: string, max = stringMax): void {
    if (typeof value !== 'string') throw new TypeError(`expected a string, got ${show(value)}`)
    if (value.includes('\0')) throw new TypeError('expected a string without NUL characters')
    const length = Buffer.byteLength(value)
    if (length > max) throw new RangeError(`expected at most ${max} bytes, got ${length}`)
    const at = this.#lengthAndRoom(length)
    this.#buffer.write(value, at, length, 'utf8')
  }

  opaque(value: Uint8Array, max: number): void {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected bytes, got ${show(value)}`)
    if (value.length > max) throw new RangeError(`expected at most ${max} bytes, got ${value.length}`)
    const at = this.#lengthAndRoom(value.length)
    this.#buffer.set(value, at)
  }

  /** A UUID in text form, with or without dashes. */
  uuid(value: string): void {
    if (typeof value !== 'string') throw new TypeError(`expected a UUID, got ${show(value)}`)
    const digits = value.replaceAll('-', '')
    if (!/^[\da-f]{32}$/i.test(digits)) throw new TypeError(`expected a UUID, got ${show(value)}`)
    const at = this.#grow(16)
    this.#buffer.write(digits, at, 16, 'hex')
  }

  /** Bytes as a list of 32-bit integers: what the protocol makes of `char<max>`. */
  intBytes(value: Uint8Array, max: number): void {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected bytes, got ${show(value)}`)
    this.array(Array.from(value), max, (w, byte) => w.int(byte))
  }

  array<T>(values: readonly T[], max: number, write: (w: XdrWriter, value: T) => void): void {
    if (!Array.isArray(values)) throw new TypeError(`expected a list, got ${show(values)}`)
    if (values.length > max) throw new RangeError(`expected at most ${max} entries, got ${values.length}`)
    this.uint(values.length)
    for (const value of values) write(this, value)
  }

  optional<T>(value: T | null | undefined, write: (w: XdrWriter, value: T) => void): void {
    if (value === null || value === undefined) return this.uint(0)
    this.uint(1)
    write(this, value)
  }

  optionalString(value: string | null | undefined): void {
    this.optional(value, (w, text) => w.string(text))
  }

  #lengthAndRoom(length: number): number {
    this.uint(length)
    const full = padded(length)
    const at = this.#grow(full)
    if (full !== length) this.#buffer.fill(0, at + length, at + full)
    return at
  }

  #grow(count: number): number {
    const at = this.#at
    const end = at + count
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#at = end
    return at
  }
}

function show(value: unknown): string {
  return typeof value === 'bigint'
    ? `${value}n`
    : typeof value === 'string'
      ? JSON.stringify(value.slice(0, 80))
      : String(value)
}
