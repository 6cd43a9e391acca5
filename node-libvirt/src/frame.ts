import { ProtocolError } from './errors.ts'

/** What a packet is for (`virNetMessageType`). */
export const MessageType = {
  call: 0,
  reply: 1,
  message: 2,
  stream: 3,
  callWithFds: 4,
  replyWithFds: 5,
  streamHole: 6,
} as const

/** How a call ended, or where a stream stands (`virNetMessageStatus`). */
export const MessageStatus = { ok: 0, error: 1, continue: 2 } as const

/** Bytes of the length and the header in front of every payload. */
export const headerLength = 28
/** Longest packet that the protocol allows, length word included. */
export const maxFrameLength = 33_554_436
/** Longest piece of stream data in one packet that every daemon takes. */
export const maxStreamPayload = 262_120
const maxDescriptors = 32

/** The fields in front of a payload. */
export interface FrameHeader {
  readonly program: number
  readonly procedure: number
  readonly type: number
  readonly serial: number
  readonly status: number
}

/** One packet; the payload is a view of received memory and valid for as long as it is held. */
export interface Frame extends FrameHeader {
  readonly payload: Buffer
}

const protocolVersion = 1

/** Fills in the first 28 bytes of a packet, whose payload is already behind them or sent separately. */
export function writeHeader(packet: Buffer, header: FrameHeader, length = packet.length): Buffer {
  packet.writeUInt32BE(length, 0)
  packet.writeUInt32BE(header.program, 4)
  packet.writeUInt32BE(protocolVersion, 8)
  packet.writeInt32BE(header.procedure, 12)
  packet.writeInt32BE(header.type, 16)
  packet.writeUInt32BE(header.serial, 20)
  packet.writeInt32BE(header.status, 24)
  return packet
}

/** A whole packet around a payload. */
export function encodeFrame(header: FrameHeader, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const packet = Buffer.allocUnsafe(headerLength + payload.length)
  packet.set(payload, headerLength)
  return writeHeader(packet, header)
}

/**
 * Cuts a byte stream into packets. Holds at most one incomplete packet, so at most 32 MiB.
 * `push` throws `ProtocolError` on an impossible length or header; the stream is then beyond repair.
 */
export class FrameDecoder {
  readonly #onFrame: (frame: Frame) => void
  #pending: Buffer[] = []
  #size = 0
  /** Bytes that must have come before looking again is worth it. */
  #needed = headerLength
  /** Carrier bytes of file descriptors, sent behind a packet and outside its length. */
  #skip = 0

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) {
      // The length word alone may already be impossible; nothing more should be collected then.
      if (this.#needed === headerLength && this.#skip === 0 && this.#size >= 4)
        checkLength(this.#join().readUInt32BE(0))
      return
    }
    const data = this.#join()
    const rest = data.subarray(this.#cut(data))
    this.#pending = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
  }

  #join(): Buffer {
    const [first] = this.#pending
    const joined = this.#pending.length === 1 && first !== undefined ? first : Buffer.concat(this.#pending)
    this.#pending = [joined]
    return joined
  }

  /** Hands out every complete packet and returns how many bytes they took. */
  #cut(data: Buffer): number {
    let at = 0
    for (;;) {
      const skipped = Math.min(this.#skip, data.length - at)
      this.#skip -= skipped
      at += skipped
      const left = data.length - at
      if (this.#skip > 0 || left < 4) break
      const length = checkLength(data.readUInt32BE(at))
      if (left < length) {
        this.#needed = Math.max(length, headerLength)
        return at
      }
      const frame = parseFrame(data.subarray(at, at + length))
      at += length
      this.#deliver(frame)
    }
    this.#needed = headerLength
    return at
  }

  #deliver(frame: Frame): void {
    if (frame.type !== MessageType.replyWithFds) return this.#onFrame(frame)
    if (frame.payload.length < 4) throw new ProtocolError('A reply with descriptors does not count them')
    const count = frame.payload.readUInt32BE(0)
    if (count > maxDescriptors) throw new ProtocolError(`A reply claims ${count} descriptors`)
    this.#skip = count
    this.#onFrame({ ...frame, type: MessageType.reply, payload: frame.payload.subarray(4) })
  }
}

function checkLength(length: number): number {
  if (length < headerLength || length > maxFrameLength)
    throw new ProtocolError(`A packet claims a length of ${length} bytes`)
  return length
}

function parseFrame(packet: Buffer): Frame {
  const version = packet.readUInt32BE(8)
  const type = packet.readInt32BE(16)
  const status = packet.readInt32BE(24)
  if (version !== protocolVersion) throw new ProtocolError(`A packet has the unknown version ${version}`)
  if (type < MessageType.call || type > MessageType.streamHole)
    throw new ProtocolError(`A packet has the unknown type ${type}`)
  if (status < MessageStatus.ok || status > MessageStatus.continue)
    throw new ProtocolError(`A packet has the unknown status ${status}`)
  return {
    program: packet.readUInt32BE(4),
    procedure: packet.readInt32BE(12),
    type,
    serial: packet.readUInt32BE(20),
    status,
    payload: packet.subarray(headerLength),
  }
}
