import { readLibvirtError } from './error-payload.ts'
import { ProtocolError } from './errors.ts'
import { MessageStatus, MessageType, encodeFrame, headerLength, writeHeader } from './frame.ts'
import type { Frame, FrameHeader } from './frame.ts'
import type { Procedure } from './procedure.ts'
import { LibvirtStream } from './stream.ts'
import type { StreamOptions, StreamPort } from './stream.ts'
import { XdrReader, XdrWriter } from './xdr.ts'

/** What the streams need of their connection. */
export interface StreamTableActions {
  readonly send: (packet: Buffer) => void
  /** Sends packets in order with nothing between them; `sent` is called when the socket takes more. */
  readonly write: (packets: readonly Uint8Array[], sent: (error?: Error | null) => void) => void
  readonly pause: () => void
  readonly resume: () => void
  /** Whether a call of this serial number that opens a stream has no reply yet. */
  readonly isOpening: (serial: number) => boolean
}

/** Data that may run ahead of the reply to its call: as much as the longest packet. */
const maxEarlyBytes = 33_554_432

/** The open streams of a connection by serial number, and those whose last packets are still on their way. */
export class StreamTable {
  readonly #actions: StreamTableActions
  readonly #open = new Map<number, { readonly stream: LibvirtStream; readonly procedure: string }>()
  /** Packets that came before the reply to their call: the daemon's threads race. */
  readonly #early = new Map<number, { readonly frames: Frame[]; bytes: number }>()
  /** Aborted here, not yet confirmed by the daemon: what comes for them is dropped. */
  readonly #aborted = new Set<number>()

  constructor(actions: StreamTableActions) {
    this.#actions = actions
  }

  open(procedure: Procedure<never, unknown>, serial: number, options: StreamOptions): LibvirtStream {
    const stream = new LibvirtStream(this.#port(procedure, serial), options)
    this.#open.set(serial, { stream, procedure: procedure.name })
    const early = this.#early.get(serial)
    this.#early.delete(serial)
    for (const frame of early?.frames ?? []) this.receive(frame)
    return stream
  }

  /** The call that was to open a stream has failed. */
  forget(serial: number): void {
    this.#early.delete(serial)
  }

  failAll(error: Error): void {
    this.#early.clear()
    const open = [...this.#open.values()]
    this.#open.clear()
    this.#aborted.clear()
    for (const { stream } of open) stream.receiveError(error)
  }

  receive(frame: Frame): void {
    const isLast = frame.status !== MessageStatus.continue
    if (this.#aborted.has(frame.serial)) {
      if (isLast) this.#aborted.delete(frame.serial)
      return
    }
    const entry = this.#open.get(frame.serial)
    if (entry === undefined) return this.#keepEarly(frame)
    if (isLast) this.#open.delete(frame.serial)
    if (frame.status === MessageStatus.error)
      return entry.stream.receiveError(streamError(frame.payload, entry.procedure))
    if (frame.status === MessageStatus.ok) return entry.stream.receiveEnd()
    if (frame.type === MessageType.streamHole) return entry.stream.receiveHole(holeLength(frame.payload))
    entry.stream.receive(frame.payload)
  }

  #keepEarly(frame: Frame): void {
    if (!this.#actions.isOpening(frame.serial))
      throw new ProtocolError(`Data for the unknown stream ${frame.serial}`)
    const early = this.#early.get(frame.serial) ?? { frames: [], bytes: 0 }
    this.#early.set(frame.serial, early)
    early.frames.push(frame)
    early.bytes += frame.payload.length
    if (early.bytes > maxEarlyBytes)
      throw new ProtocolError(`The stream ${frame.serial} runs ahead of its reply`)
  }

  #port({ program, number }: Procedure<never, unknown>, serial: number): StreamPort {
    const header = (status: number, type: number = MessageType.stream): FrameHeader => ({
      program,
      procedure: number,
      type,
      serial,
      status,
    })
    const { send, write, pause, resume } = this.#actions
    return {
      pause,
      resume,
      data: (piece, sent) => {
        const front = Buffer.allocUnsafe(headerLength)
        write([writeHeader(front, header(MessageStatus.continue), headerLength + piece.length), piece], sent)
      },
      hole: (length, sent) => {
        const w = new XdrWriter(headerLength)
        w.hyper(length)
        w.uint(0)
        write([writeHeader(w.finish(), header(MessageStatus.continue, MessageType.streamHole))], sent)
      },
      finish: () => send(encodeFrame(header(MessageStatus.ok))),
      abort: () => {
        if (!this.#open.delete(serial)) return
        this.#aborted.add(serial)
        send(encodeFrame(header(MessageStatus.error)))
      },
    }
  }
}

function holeLength(payload: Buffer): bigint {
  const length = new XdrReader(payload).hyper()
  if (length < 0n) throw new ProtocolError(`A hole claims a length of ${length} bytes`)
  return length
}

function streamError(payload: Buffer, procedure: string): Error {
  try {
    return readLibvirtError(payload, procedure)
  } catch (cause) {
    return new ProtocolError(`The stream error of ${procedure} cannot be read`, { cause })
  }
}
