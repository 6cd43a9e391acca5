import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import type { Clock } from '../../../../apimachinery/clock.ts'
import { EtcdError, type EtcdTls } from '../etcd-member.ts'
import { FrameReader } from './frame-reader.ts'

const windowBytes = { stream: 16 << 20, session: 64 << 20 }
// etcd drops clients that ping more often than every five seconds.
const pingEveryMs = 6000
const pingTimeoutMs = 3000

/** gRPC codes after which the same call may succeed later or elsewhere. */
const transientCodes = new Set([1, 2, 4, 8, 10, 13, 14])
const deadlineExceeded = 4

/** One HTTP/2 connection to one server for gRPC calls; made when it is needed, and again when it was lost. */
export class Channel {
  readonly #url: string
  readonly #options: SecureClientSessionOptions
  readonly #clock: Clock
  readonly #authority: string
  #session: ClientHttp2Session | undefined
  #closed = false

  constructor(url: string, tls: EtcdTls | undefined, clock: Clock) {
    this.#url = url
    this.#clock = clock
    this.#authority = new URL(url).host
    this.#options = { settings: { initialWindowSize: windowBytes.stream, enablePush: false } }
    if (!tls || !url.startsWith('https:')) return
    Object.assign(this.#options, {
      ca: tls.ca,
      ...(tls.certificate && { cert: tls.certificate }),
      ...(tls.key && { key: tls.key }),
      ALPNProtocols: ['h2'],
    })
  }

  /** Sends one framed message and resolves with the one that answers it. Throws EtcdErrors. */
  call(
    path: string,
    message: Buffer,
    { deadline, headers }: { deadline: number; headers?: OutgoingHttpHeaders },
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const leftMs = Math.max(1, Math.ceil(deadline - this.#clock.now()))
      const stream = this.#open(path, { ...headers, 'grpc-timeout': `${leftMs}m` })
      const cancelTimer = this.#clock.after(leftMs, () => {
        stream.close(constants.NGHTTP2_CANCEL)
        reject(new EtcdError('deadline', 'etcd did not answer in time'))
      })
      const pieces: Buffer[] = []
      const status = new CallStatus(stream)
      stream.on('data', (piece: Buffer) => void pieces.push(piece))
      stream.once('close', () => {
        cancelTimer()
        const error = status.error
        if (error) reject(error)
        else resolve(FrameReader.only(pieces))
      })
      stream.end(message)
    })
  }

  /** Sends one framed message and leaves the stream open for those that answer it. */
  stream(path: string, message: Buffer, headers: OutgoingHttpHeaders): Answers {
    const stream = this.#open(path, headers)
    stream.write(message)
    return new Answers(stream)
  }

  close(): void {
    this.#closed = true
    this.#session?.destroy()
  }

  #open(path: string, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    if (this.#closed) throw new EtcdError('transient', 'the connection to etcd is closed')
    try {
      return this.#connected().request({
        ...headers,
        ':method': 'POST',
        ':path': path,
        ':authority': this.#authority,
        'content-type': 'application/grpc',
        te: 'trailers',
      })
    } catch (error) {
      this.#session = undefined
      throw new EtcdError('transient', 'the connection to etcd is gone', error)
    }
  }

  #connected(): ClientHttp2Session {
    const known = this.#session
    if (known && !known.closed && !known.destroyed) return known
    const session = connect(this.#url, this.#options)
    this.#session = session
    session.once('connect', () => session.setLocalWindowSize(windowBytes.session))
    // The streams on it fail as well, and tell.
    session.on('error', () => {})
    session.once('goaway', () => this.#forget(session))
    session.once('close', () => this.#forget(session))
    this.#keepAlive(session)
    return session
  }

  #forget(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined
  }

  /** Notices a member that is gone without a word, for the sake of watches that would wait for ever. */
  #keepAlive(session: ClientHttp2Session): void {
    let cancel = this.#clock.after(pingEveryMs, () => ping())
    const ping = () => {
      cancel = this.#clock.after(pingTimeoutMs, () =>
        session.destroy(new Error('etcd does not answer pings')),
      )
      session.ping(() => {
        cancel()
        if (!session.destroyed) cancel = this.#clock.after(pingEveryMs, ping)
      })
    }
    session.once('close', () => cancel())
  }
}

/** Collects how a call ended: the status is in the trailers, or in the headers of an answer without messages. */
class CallStatus {
  #code: number | undefined
  #message = ''
  #httpStatus = 200
  #failure: Error | undefined

  constructor(stream: ClientHttp2Stream) {
    const read = (headers: IncomingHttpHeaders) => this.#read(headers)
    stream.once('response', read)
    stream.once('trailers', read)
    stream.on('error', (error: Error) => (this.#failure = error))
  }

  /** Why the call failed, once its stream is closed; undefined when it did not. */
  get error(): EtcdError | undefined {
    if (this.#code === 0) return undefined
    if (this.#code === undefined) {
      const answer = this.#httpStatus === 200 ? '' : `: it answered ${this.#httpStatus}`
      return new EtcdError('transient', `the connection to etcd was lost${answer}`, this.#failure)
    }
    return new EtcdError(kindOf(this.#code, this.#message), `${this.#message} (gRPC code ${this.#code})`)
  }

  #read(headers: IncomingHttpHeaders): void {
    const { ':status': httpStatus, 'grpc-status': code, 'grpc-message': message } = headers
    if (httpStatus !== undefined) this.#httpStatus = Number(httpStatus)
    if (code === undefined) return
    this.#code = Number(code)
    this.#message = decoded(String(message ?? ''))
  }
}

function kindOf(code: number, message: string): EtcdError['kind'] {
  if (message.includes('requested lease not found')) return 'lease-gone'
  if (code === deadlineExceeded) return 'deadline'
  return transientCodes.has(code) ? 'transient' : 'refused'
}

function decoded(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

interface Listeners {
  data?: (message: Buffer) => void
  error?: (error: Error) => void
  end?: () => void
}

/** The messages of a stream as they come; one listener for each event. */
export class Answers {
  readonly #stream: ClientHttp2Stream
  readonly #listeners: Listeners = {}

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream
    const frames = new FrameReader()
    const status = new CallStatus(stream)
    stream.on('data', (piece: Buffer) => {
      for (const message of frames.take(piece)) this.#listeners.data?.(message)
    })
    stream.once('close', () => {
      const { error } = status
      if (error) this.#listeners.error?.(error)
      else this.#listeners.end?.()
    })
  }

  listen(listeners: Listeners): void {
    Object.assign(this.#listeners, listeners)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }
}
