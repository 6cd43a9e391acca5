import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'
import { type Connection, RequestRefusedError, type WireRequest, type WireResponse } from './connection.ts'

const pingEveryMs = 3_000
const pingTimeoutMs = 5_000
const streamWindowBytes = 1 << 20
const connectionWindowBytes = 16 << 20

/**
 * HTTP/2 over one TLS socket. A silent peer is asked for a sign of life every few seconds, so that a host that lost
 * its power or its network is noticed although TCP would wait for many minutes.
 */
export class Http2Connection implements Connection {
  readonly #session: ClientHttp2Session
  readonly #authority: string
  readonly #clock: Clock
  #retired = false
  /** Something came in since the last look. */
  #heard = true
  #stopPinging: () => void = () => {}

  constructor(socket: TLSSocket, authority: string, clock: Clock) {
    this.#authority = authority
    this.#clock = clock
    this.#session = connect(`https://${authority}`, {
      createConnection: () => socket,
      // The default of 10 MB makes every new stream fail while a large answer is unread.
      maxSessionMemory: 1000,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    })
    // It may have been given up in the meantime.
    this.#session.once('connect', () => {
      if (!this.#session.destroyed) this.#session.setLocalWindowSize(connectionWindowBytes)
    })
    // Each stream is told on its own; without a listener the process would end.
    this.#session.on('error', () => {})
    this.#session.on('goaway', () => this.retire())
    this.#session.once('close', () => this.#stopPinging())
    socket.setKeepAlive(true, 30_000)
    socket.setNoDelay(true)
    this.#watchForSilence()
  }

  get usable(): boolean {
    return !this.#retired && !this.#session.closed && !this.#session.destroyed
  }

  get closed(): boolean {
    return this.#session.destroyed
  }

  send(request: WireRequest): Promise<WireResponse> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason as Error)
      const stream = this.#open(request)
      const abort = () => stream.close(constants.NGHTTP2_CANCEL)
      request.signal.addEventListener('abort', abort, { once: true })
      stream.once('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
        this.#heard = true
        resolve({ status: headers[':status'] ?? 0, headers, body: this.#body(stream) })
      })
      stream.once('error', (error) => reject(this.#explained(stream, error)))
      stream.once('close', () => {
        request.signal.removeEventListener('abort', abort)
        reject(
          request.signal.aborted
            ? (request.signal.reason as Error)
            : this.#explained(stream, new Error('the server ended the request without an answer')),
        )
      })
      stream.end(request.body)
    })
  }

  #open({ method, path, headers, body }: WireRequest): ClientHttp2Stream {
    return this.#session.request(
      { ...headers, ':method': method, ':path': path, ':authority': this.#authority, ':scheme': 'https' },
      { endStream: body === undefined },
    )
  }

  async *#body(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
    for await (const chunk of stream) {
      this.#heard = true
      yield chunk as Buffer
    }
    // A stream whose connection broke ends as if all of it had arrived; only its code tells.
    if (stream.rstCode !== undefined && stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
      throw new Error('the connection broke in the middle of the answer')
    }
  }

  #explained(stream: ClientHttp2Stream, error: Error): Error {
    if (stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM) return error
    return new RequestRefusedError('the server refused the request unseen', { cause: error })
  }

  probe(timeoutMs: number): void {
    if (this.closed) return
    const giveUp = this.#clock.after(timeoutMs, () =>
      this.destroy(new Error(`the server gave no sign of life for ${timeoutMs} ms`)),
    )
    this.#session.once('close', giveUp)
    try {
      this.#session.ping((error) => {
        if (error !== null) return
        giveUp()
        this.#session.off('close', giveUp)
        this.#heard = true
      })
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  #watchForSilence(): void {
    this.#stopPinging = this.#clock.after(pingEveryMs, () => {
      if (!this.#heard) this.probe(pingTimeoutMs)
      this.#heard = false
      if (!this.closed) this.#watchForSilence()
    })
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    if (!this.closed) this.#session.close()
  }

  destroy(why: Error): void {
    this.#retired = true
    this.#session.destroy(why)
  }
}
