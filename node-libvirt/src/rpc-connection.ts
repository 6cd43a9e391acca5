import { EventEmitter } from 'node:events'
import { CallQueue, PendingCall } from './call-queue.ts'
import type { CallOptions } from './call-queue.ts'
import { encodeCall } from './encode-call.ts'
import { readLibvirtError } from './error-payload.ts'
import { DisconnectedError, ProtocolError, UnsupportedError } from './errors.ts'
import { FrameDecoder, MessageStatus, MessageType, encodeFrame, writeHeader } from './frame.ts'
import type { Frame } from './frame.ts'
import { KeepAlive } from './keepalive.ts'
import type { KeepAliveOptions } from './keepalive.ts'
import { keepaliveProgram } from './procedure.ts'
import type { Procedure } from './procedure.ts'
import { StreamTable } from './stream-table.ts'
import type { LibvirtStream } from './stream.ts'
import type { Transport } from './transport.ts'
import { XdrReader } from './xdr.ts'

export interface RpcConnectionOptions {
  /** Calls in flight at once; 4 by default. libvirtd stops reading a connection that has five. */
  readonly maxInFlight?: number | undefined
  /** Calls that may wait for their turn before further ones fail with `OverloadedError`; 10000 by default. */
  readonly maxQueued?: number | undefined
  /** Our own questions for a sign of life; every 5 s, three times, by default. `false` asks nothing. */
  readonly keepAlive?: KeepAliveOptions | false | undefined
}

/** A procedure's stream, and what its reply said. */
export interface OpenedStream<Ret> {
  readonly ret: Ret
  readonly stream: LibvirtStream
}

const ping = 1
const pong = 2
const defaultKeepAlive: KeepAliveOptions = { interval: 5000, count: 3 }

/**
 * libvirt's RPC protocol on one byte connection: pipelined calls, streams, keepalive, event packets.
 * It takes procedures as values, so a bundle holds only the codecs it uses; `LibvirtConnection` takes names.
 *
 * Emits `message` for each event packet and `close` once, with the reason.
 */
export class RpcConnection extends EventEmitter<{ message: [Frame]; close: [Error] }> {
  readonly #transport: Transport
  readonly #calls: CallQueue
  readonly #streams: StreamTable
  readonly #keepAlive: KeepAlive | undefined
  readonly #decoder = new FrameDecoder((frame) => this.#onFrame(frame))
  readonly #openings = new Map<PendingCall, (payload: Buffer, serial: number) => void>()
  #outgoing: Buffer[] = []
  #closedBy: Error | undefined

  constructor(transport: Transport, options: RpcConnectionOptions = {}) {
    super()
    const { maxInFlight = 4, maxQueued = 10_000, keepAlive = defaultKeepAlive } = options
    this.#transport = transport
    this.#calls = new CallQueue({ maxInFlight, maxQueued }, (call, serial) => this.#sendCall(call, serial))
    this.#streams = new StreamTable({
      send: (packet) => this.#send(packet),
      write: (packets, sent) => this.#write(packets, sent),
      pause: () => transport.input.pause(),
      resume: () => transport.input.resume(),
      isOpening: (serial) => this.#calls.get(serial)?.procedure.stream !== undefined,
    })
    if (keepAlive !== false)
      this.#keepAlive = new KeepAlive(keepAlive, {
        ask: () => this.#send(keepAliveFrame(ping)),
        giveUp: () => this.destroy(new DisconnectedError('libvirt gave no sign of life')),
        isDeaf: () => transport.input.isPaused(),
      })
    this.#listen()
  }

  /** Why the connection ended, or `undefined` while it is open. */
  get closedBy(): Error | undefined {
    return this.#closedBy
  }

  /** Calls that the daemon has and has not answered. */
  get inFlight(): number {
    return this.#calls.inFlight
  }

  /** Calls in flight whose callers have given up; they hold their places until the daemon answers. */
  get abandoned(): number {
    return this.#calls.abandoned
  }

  /** Calls a procedure. Rejects with `LibvirtError`, `DisconnectedError`, `ProtocolError`, `TimeoutError`, or the signal's reason. */
  call<Args, Ret>(procedure: Procedure<Args, Ret>, args: Args, options: CallOptions = {}): Promise<Ret> {
    if (procedure.stream !== undefined)
      return Promise.reject(new UnsupportedError(`${procedure.name} opens a stream: call openStream`))
    return new Promise<Buffer>((resolve, reject) => {
      this.#start(procedure, args, options, { resolve, reject })
    }).then((payload) => decodeReply(procedure, payload))
  }

  /** Calls a procedure that opens a stream; the signal also ends the stream. */
  openStream<Args, Ret>(
    procedure: Procedure<Args, Ret>,
    args: Args,
    options: CallOptions & { readonly sparse?: boolean | undefined } = {},
  ): Promise<OpenedStream<Ret>> {
    const { stream: direction } = procedure
    if (direction === undefined)
      return Promise.reject(new UnsupportedError(`${procedure.name} opens no stream: use call`))
    return new Promise((resolve, reject) => {
      const call = this.#start(procedure, args, options, { resolve: () => {}, reject })
      if (call === undefined) return
      // Data may follow in the same packet burst, so the stream must exist before the next packet is looked at.
      this.#openings.set(call, (payload, serial) => {
        const stream = this.#streams.open(procedure, serial, { direction, sparse: options.sparse })
        try {
          const ret = decodeReply(procedure, payload)
          if (call.settled) return void stream.destroy()
          followSignal(stream, options.signal)
          resolve({ ret, stream })
        } catch (error) {
          stream.destroy()
          reject(error)
        }
      })
    })
  }

  /** Ends the connection at once; whatever is pending rejects with `DisconnectedError`. */
  destroy(reason: Error = new DisconnectedError('The connection was closed')): void {
    if (this.#closedBy !== undefined) return
    this.#closedBy = reason
    this.#keepAlive?.stop()
    const detail = this.#transport.diagnostics?.() ?? ''
    const why = detail === '' ? reason.message : `${reason.message}: ${detail}`
    this.#transport.destroy()
    this.#calls.rejectAll(
      (call) =>
        new DisconnectedError(`${why} (during ${call.procedure.name}, outcome unknown)`, { cause: reason }),
    )
    this.#openings.clear()
    this.#streams.failAll(new DisconnectedError(why, { cause: reason }))
    this.emit('close', reason)
  }

  #listen(): void {
    const { input, output } = this.#transport
    input.on('data', (chunk: Buffer) => this.#onData(chunk))
    const lost = (cause?: Error) =>
      this.destroy(new DisconnectedError(cause?.message ?? 'libvirt closed the connection', { cause }))
    for (const side of new Set([input, output])) {
      side.on('error', lost)
      side.on('close', () => lost())
    }
    input.on('end', () => lost())
    input.resume()
  }

  #start<Args, Ret>(
    ...[procedure, args, options, settle]: [
      Procedure<Args, Ret>,
      Args,
      CallOptions,
      { resolve(payload: Buffer): void; reject(error: unknown): void },
    ]
  ): PendingCall | undefined {
    if (procedure.fds === true) {
      settle.reject(new UnsupportedError(`${procedure.name} passes file descriptors, which Node cannot`))
      return undefined
    }
    if (this.#closedBy !== undefined) {
      const message = `${this.#closedBy.message} (before ${procedure.name} was sent)`
      settle.reject(new DisconnectedError(message, { cause: this.#closedBy }))
      return undefined
    }
    if (options.signal?.aborted === true) {
      settle.reject(options.signal.reason)
      return undefined
    }
    const call = new PendingCall(procedure, encodeCall(procedure, args), settle)
    call.limit(options, () => this.#calls.dropSettled())
    this.#calls.add(call)
    return call
  }

  #sendCall(call: PendingCall, serial: number): void {
    const { program, number } = call.procedure
    const { call: type } = MessageType
    this.#send(
      writeHeader(call.packet, { program, procedure: number, type, serial, status: MessageStatus.ok }),
    )
  }

  /** Collects the small packets of one turn of the event loop into one write. */
  #send(packet: Buffer): void {
    if (this.#closedBy !== undefined) return
    this.#outgoing.push(packet)
    if (this.#outgoing.length === 1) queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#outgoing.length === 0 || this.#closedBy !== undefined) return
    const packets = this.#outgoing
    this.#outgoing = []
    const [first] = packets
    this.#transport.output.write(packets.length === 1 ? first : Buffer.concat(packets))
  }

  #write(packets: readonly Uint8Array[], sent: (error?: Error | null) => void): void {
    if (this.#closedBy !== undefined) return sent(this.#closedBy)
    this.#flush()
    const { output } = this.#transport
    output.cork()
    packets.forEach((packet, index) => {
      if (index === packets.length - 1) output.write(packet, sent)
      else output.write(packet)
    })
    output.uncork()
  }

  #onData(chunk: Buffer): void {
    if (this.#closedBy !== undefined) return
    this.#keepAlive?.heard()
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.destroy(error instanceof Error ? error : new ProtocolError(String(error)))
    }
  }

  #onFrame(frame: Frame): void {
    if (this.#closedBy !== undefined) return
    if (frame.program === keepaliveProgram) {
      if (frame.procedure === ping) this.#send(keepAliveFrame(pong))
      return
    }
    if (frame.type === MessageType.reply) return this.#onReply(frame)
    if (frame.type === MessageType.stream || frame.type === MessageType.streamHole)
      return this.#streams.receive(frame)
    if (frame.type === MessageType.message) return this.#announce(frame)
    throw new ProtocolError(`The daemon sent a packet of type ${frame.type}, which only clients send`)
  }

  #onReply(frame: Frame): void {
    const call = this.#calls.take(frame.serial)
    if (call === undefined) throw new ProtocolError(`A reply to the unknown call ${frame.serial}`)
    const opening = this.#openings.get(call)
    this.#openings.delete(call)
    const { procedure } = call
    if (frame.status === MessageStatus.error) {
      this.#streams.forget(frame.serial)
      return call.reject(errorOf(frame.payload, procedure.name))
    }
    if (frame.procedure !== procedure.number || frame.program !== procedure.program)
      return call.reject(
        new ProtocolError(`The reply to ${procedure.name} is one to procedure ${frame.procedure}`),
      )
    opening?.(frame.payload, frame.serial)
    call.resolve(frame.payload)
  }

  /** A listener that throws must not look like a protocol error. */
  #announce(frame: Frame): void {
    try {
      this.emit('message', frame)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

function keepAliveFrame(procedure: number): Buffer {
  const { message: type } = MessageType
  return encodeFrame({ program: keepaliveProgram, procedure, type, serial: 0, status: MessageStatus.ok })
}

function errorOf(payload: Buffer, procedure: string): Error {
  try {
    return readLibvirtError(payload, procedure)
  } catch (cause) {
    return new ProtocolError(`The error reply to ${procedure} cannot be read`, { cause })
  }
}

function decodeReply<Ret>(procedure: Procedure<never, Ret>, payload: Buffer): Ret {
  // A procedure without a result has no decoder, and its Ret is void.
  if (procedure.decode === undefined) return undefined as Ret
  try {
    return procedure.decode(new XdrReader(payload))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError(`The reply to ${procedure.name} cannot be read: ${message}`, { cause })
  }
}

function followSignal(stream: LibvirtStream, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const abort = () =>
    void stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('Aborted'))
  signal.addEventListener('abort', abort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', abort))
}
