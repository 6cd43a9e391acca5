import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../src/errors.ts'
import { FrameDecoder, MessageType, encodeFrame, headerLength, maxFrameLength } from '../../src/frame.ts'
import type { Frame } from '../../src/frame.ts'
import { remoteProgram } from '../../src/procedure.ts'

const frames = fc.array(
  fc.record({
    program: fc.constant(remoteProgram),
    procedure: fc.nat(500),
    type: fc.constantFrom(MessageType.reply, MessageType.message, MessageType.stream, MessageType.streamHole),
    serial: fc.nat(0xffff_ffff),
    status: fc.constantFrom(0, 1, 2),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 12 },
)

function decode(chunks: readonly Uint8Array[]): Frame[] {
  const seen: Frame[] = []
  const decoder = new FrameDecoder((frame) => seen.push(frame))
  for (const chunk of chunks) decoder.push(Buffer.from(chunk))
  return seen
}

describe('packets', () => {
  test('come out the same however the bytes are cut', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 40 })
    fc.assert(
      fc.property(frames, cuts, (packets, lengths) => {
        const bytes = Buffer.concat(packets.map((packet) => encodeFrame(packet, packet.payload)))
        const chunks: Buffer[] = []
        let at = 0
        for (const length of lengths) {
          chunks.push(bytes.subarray(at, at + length))
          at += length
        }
        chunks.push(bytes.subarray(at))
        const seen = decode(chunks.filter((chunk) => chunk.length > 0))
        expect(seen.map((frame) => ({ ...frame, payload: new Uint8Array(frame.payload) }))).toEqual(
          packets.map((packet) => ({ ...packet, payload: new Uint8Array(packet.payload) })),
        )
      }),
    )
  })

  test.each([1, 2, 7, 32])('a reply with %i descriptors is followed by as many carrier bytes', (count) => {
    const header = { program: remoteProgram, procedure: 3, serial: 7, status: 0 }
    const counted = Buffer.concat([Buffer.from([0, 0, 0, count]), Buffer.from('body')])
    const first = encodeFrame({ ...header, type: MessageType.replyWithFds }, counted)
    const second = encodeFrame({ ...header, type: MessageType.reply }, Buffer.from('next'))
    const bytes = Buffer.concat([first, Buffer.alloc(count), second])
    for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.from([byte]))]) {
      const seen = decode(chunks)
      expect(seen.map(({ payload }) => payload.toString())).toEqual(['body', 'next'])
      expect(seen.map(({ type }) => type)).toEqual([MessageType.reply, MessageType.reply])
    }
  })
})

describe('the decoder refuses', () => {
  const packet = (change: (bytes: Buffer) => void) => {
    const bytes = encodeFrame({ program: remoteProgram, procedure: 1, type: 1, serial: 1, status: 0 })
    change(bytes)
    return bytes
  }
  test.each<[string, (bytes: Buffer) => void]>([
    ['a length shorter than the header', (bytes) => bytes.writeUInt32BE(headerLength - 1, 0)],
    ['a length of zero', (bytes) => bytes.writeUInt32BE(0, 0)],
    ['a length over the maximum', (bytes) => bytes.writeUInt32BE(maxFrameLength + 1, 0)],
    ['another version', (bytes) => bytes.writeUInt32BE(2, 8)],
    ['an unknown type', (bytes) => bytes.writeInt32BE(7, 16)],
    ['a negative type', (bytes) => bytes.writeInt32BE(-1, 16)],
    ['an unknown status', (bytes) => bytes.writeInt32BE(3, 24)],
  ])('%s', (_name, change) => {
    expect(() => decode([packet(change)])).toThrow(ProtocolError)
  })

  test('an impossible length after its first four bytes, before anything is collected', () => {
    expect(() => decode([Buffer.from([0xff, 0xff, 0xff, 0xff])])).toThrow(ProtocolError)
  })

  test('a reply with more descriptors than the protocol allows', () => {
    const header = {
      program: remoteProgram,
      procedure: 3,
      serial: 7,
      status: 0,
      type: MessageType.replyWithFds,
    }
    expect(() => decode([encodeFrame(header, Buffer.from([0, 0, 0, 33]))])).toThrow(ProtocolError)
    expect(() => decode([encodeFrame(header)])).toThrow(ProtocolError)
  })
})

test('a packet of the largest length is taken', () => {
  const payload = Buffer.alloc(maxFrameLength - headerLength)
  const bytes = encodeFrame({ program: remoteProgram, procedure: 1, type: 1, serial: 1, status: 0 }, payload)
  const chunks = []
  for (let at = 0; at < bytes.length; at += 65_536) chunks.push(bytes.subarray(at, at + 65_536))
  expect(decode(chunks).map((frame) => frame.payload.length)).toEqual([payload.length])
})
