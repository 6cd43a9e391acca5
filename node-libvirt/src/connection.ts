import { EventEmitter } from 'node:events'
import type { CallOptions } from './call-queue.ts'
import { connectTransport } from './connect-transport.ts'
import type { TlsCredentials } from './connect-tls.ts'
import { AuthenticationError, DisconnectedError, TimeoutError } from './errors.ts'
import { readEvent } from './event-codec.ts'
import { virConnectFlags } from './generated/constants.ts'
import { procedures } from './generated/procedures.ts'
import type { LibvirtEvent, ProcedureMap, StreamProcedureName } from './generated/types.ts'
import { RpcConnection } from './rpc-connection.ts'
import type { OpenedStream, RpcConnectionOptions } from './rpc-connection.ts'
import type { Transport } from './transport.ts'
import { parseUri } from './uri.ts'
import type { Endpoint } from './uri.ts'

/** A procedure by libvirt's name in camelCase. */
export type ProcedureName = keyof ProcedureMap
/** A procedure that opens no stream. */
export type CallName = Exclude<ProcedureName, StreamProcedureName>
/** What a procedure takes. */
export type Args<K extends ProcedureName> = ProcedureMap[K][0]
/** What a procedure gives. */
export type Ret<K extends ProcedureName> = ProcedureMap[K][1]
/** Arguments may be left out where a procedure has none, or only such that may be left out. */
export type CallArguments<K extends ProcedureName, Options> = [Args<K>] extends [void]
  ? [args?: undefined, options?: Options]
  : {} extends Args<K>
    ? [args?: Args<K>, options?: Options]
    : [args: Args<K>, options?: Options]

export interface ConnectOptions extends RpcConnectionOptions {
  /** Opens the read-only connection: calls that change something are refused by the daemon. */
  readonly readOnly?: boolean | undefined
  /** Certificates for `tls` URIs; by default libvirt's own files or those of `pkipath`. */
  readonly tls?: TlsCredentials | undefined
  /** Milliseconds for connecting, authenticating and opening together; 15000 by default. */
  readonly connectTimeout?: number | undefined
  /** Whether the daemon asks us for signs of life too, and closes the connection without; on by default. */
  readonly serverKeepAlive?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface StreamCallOptions extends CallOptions {
  /** Reads and writes `StreamHole` objects between the `Buffer`s, for calls with a sparse-stream flag. */
  readonly sparse?: boolean | undefined
}

const authNone = 0
const authPolkit = 2
/** `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`: asking for it starts the daemon's own questions. */
const featureKeepAlive = 10

/**
 * One open connection to a daemon. Emits `event` for each of libvirt's events that were registered for on it,
 * `undecodable` when one came that could not be read, and `close` once, with the reason.
 */
export class LibvirtConnection extends EventEmitter<{
  event: [LibvirtEvent]
  undecodable: [Error]
  close: [Error]
}> {
  /** The protocol below, for procedures as values and for numbers on its state. */
  readonly rpc: RpcConnection

  private constructor(rpc: RpcConnection) {
    super()
    this.rpc = rpc
    rpc.on('close', (reason) => this.emit('close', reason))
    rpc.on('message', (frame) => {
      const event = readEvent(frame)
      if (event instanceof Error) this.emit('undecodable', event)
      else if (event !== undefined) this.emit('event', event)
    })
  }

  /**
   * Connects to the daemon that a URI names and opens the URI there.
   * Rejects with `DisconnectedError`, `AuthenticationError`, `TimeoutError`, or the daemon's `LibvirtError`.
   */
  static async open(uri: string | Endpoint, options: ConnectOptions = {}): Promise<LibvirtConnection> {
    const { connectTimeout = 15_000, readOnly, signal } = options
    const context = { readOnly, runtimeDir: process.env['XDG_RUNTIME_DIR'] }
    const endpoint = typeof uri === 'string' ? parseUri(uri, context) : uri
    signal?.throwIfAborted()
    const limit = new AbortController()
    const expired = new TimeoutError(`Connecting to libvirt took longer than ${connectTimeout} ms`)
    const timer = setTimeout(() => limit.abort(expired), connectTimeout)
    const onAbort = () => limit.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      const transport = await connectTransport(endpoint.transport, { tls: options.tls, signal: limit.signal })
      return await LibvirtConnection.over(transport, endpoint.name, { ...options, signal: limit.signal })
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Authenticates and opens `name` over a byte connection that exists already. */
  static async over(
    transport: Transport,
    name: string,
    options: ConnectOptions = {},
  ): Promise<LibvirtConnection> {
    const connection = new LibvirtConnection(new RpcConnection(transport, options))
    const limits = { signal: options.signal }
    try {
      await connection.#authenticate(limits)
      if (options.serverKeepAlive !== false)
        await connection.call('connectSupportsFeature', { feature: featureKeepAlive }, limits)
      const flags = options.readOnly === true ? virConnectFlags.VIR_CONNECT_RO : 0
      await connection.call('connectOpen', { name, flags }, limits)
      return connection
    } catch (error) {
      connection.rpc.destroy()
      throw error
    }
  }

  /** Whether calls can be made. */
  get isOpen(): boolean {
    return this.rpc.closedBy === undefined
  }

  /** Calls a procedure by name. */
  async call<K extends CallName>(
    name: K,
    ...[args, options]: CallArguments<K, CallOptions>
  ): Promise<Ret<K>> {
    return this.rpc.call(procedureOf(name), args as Args<K>, options)
  }

  /** Calls a procedure that opens a stream. Other calls on this connection wait while the stream is not read. */
  async stream<K extends StreamProcedureName>(
    name: K,
    ...[args, options]: CallArguments<K, StreamCallOptions>
  ): Promise<OpenedStream<Ret<K>>> {
    return this.rpc.openStream(procedureOf(name), args as Args<K>, options)
  }

  /** Says good-bye and ends the connection; what is pending rejects with `DisconnectedError`. */
  async close(): Promise<void> {
    if (this.isOpen && this.rpc.inFlight === 0)
      await this.call('connectClose', undefined, { timeout: 1000 }).catch(() => {
        // The connection goes away either way.
      })
    this.rpc.destroy(new DisconnectedError('The connection was closed'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #authenticate(limits: CallOptions): Promise<void> {
    const { types } = await this.call('authList', undefined, limits)
    if (types.length === 0 || types.includes(authNone)) return
    if (!types.includes(authPolkit))
      throw new AuthenticationError('The daemon wants SASL authentication, which is not supported')
    const { complete } = await this.call('authPolkit', undefined, limits)
    if (complete !== 1) throw new AuthenticationError('The daemon did not accept the polkit authentication')
  }
}

/** The procedure of a name. Throws `TypeError` for a name that libvirt does not have. */
export function procedureOf<K extends ProcedureName>(name: K): (typeof procedures)[K] {
  if (!Object.hasOwn(procedures, name)) throw new TypeError(`libvirt has no procedure "${name}"`)
  return procedures[name]
}
