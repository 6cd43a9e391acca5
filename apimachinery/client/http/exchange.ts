import type { Clock } from '../../clock.ts'
import { StatusError } from '../../status-error.ts'
import { unlessAborted } from '../unless-aborted.ts'
import { readAll } from './body.ts'
import {
  type Connection,
  type Credentials,
  RequestRefusedError,
  type WireRequest,
  type WireResponse,
} from './connection.ts'
import type { Connector } from './connector.ts'
import { failureOf } from './failure.ts'

export interface ExchangeOptions {
  readonly connector: Connector
  readonly clock: Clock
  readonly userAgent: string
  /** Before the paths of the API, without a slash at its end: `''`, or `/prefix` of a proxy. */
  readonly pathPrefix: string
}

export interface ExchangeRequest {
  readonly method: WireRequest['method']
  readonly path: string
  readonly contentType?: string
  /** JSON when left out. */
  readonly accept?: string
  readonly body?: object
  /** Until the answer begins; and, for `json`, until it is complete. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

// Failures are short; a page of a proxy may not be.
const maxFailureBytes = 1 << 20
// A server that answers at all answers a ping within this.
const suspicionMs = 1_000

/** Requests and answers over the shared connection; every failure leaves as a StatusError, an abort as its reason. */
export class Exchange {
  readonly #options: ExchangeOptions

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** The answer as JSON. */
  async json(request: ExchangeRequest, maxBytes: number): Promise<unknown> {
    return this.#within(request, async (signal) => {
      const response = await this.#authorized(request, signal)
      const body = await readAll(response.body, maxBytes)
      return JSON.parse(body.toString('utf8')) as unknown
    })
  }

  /** The body of an answer that has begun, until `request.signal` is aborted. */
  async stream(request: ExchangeRequest): Promise<AsyncIterable<Buffer>> {
    return this.#within(request, async (signal) => {
      const { body } = await this.#authorized(request, signal)
      return explained(body, request.signal)
    })
  }

  async #within<T>(request: ExchangeRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#options
    const timeout = new AbortController()
    const cancel = clock.after(request.timeoutMs, () => timeout.abort(timedOut(request)))
    try {
      return await work(
        request.signal === undefined ? timeout.signal : AbortSignal.any([request.signal, timeout.signal]),
      )
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason
      if (timeout.signal.aborted) {
        // No answer may mean that the connection is dead: find out before more is sent on it.
        this.#options.connector.probe(suspicionMs)
        throw timeout.signal.reason
      }
      throw asStatusError(error)
    } finally {
      cancel()
    }
  }

  async #authorized(request: ExchangeRequest, signal: AbortSignal): Promise<WireResponse> {
    const { connector } = this.#options
    const credentials = await unlessAborted(connector.credentials(), signal)
    const response = await this.#sent(request, credentials, signal)
    if (response.status !== 401) return succeeded(response)
    // The token may have been renewed since it was read; the server has done nothing, so ask again.
    const renewed = await unlessAborted(connector.credentials(true), signal)
    if (sameHeaders(credentials, renewed)) return succeeded(response)
    await readAll(response.body, maxFailureBytes)
    return succeeded(await this.#sent(request, renewed, signal))
  }

  async #sent(
    request: ExchangeRequest,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<WireResponse> {
    const wire = this.#wire(request, credentials, signal)
    const connection = await this.#connection(signal)
    try {
      return await connection.send(wire)
    } catch (error) {
      if (signal.aborted || !mayRepeat(request, connection, error)) throw error
      const next = await this.#connection(signal)
      return next.send(wire)
    }
  }

  /** Others may wait for the same connection longer than this request can. */
  #connection(signal: AbortSignal): Promise<Connection> {
    return unlessAborted(this.#options.connector.connection(), signal)
  }

  #wire(request: ExchangeRequest, credentials: Credentials, signal: AbortSignal): WireRequest {
    const { userAgent, pathPrefix } = this.#options
    return {
      method: request.method,
      path: pathPrefix + request.path,
      headers: {
        ...credentials.headers,
        accept: request.accept ?? 'application/json',
        'user-agent': userAgent,
        ...(request.body !== undefined && { 'content-type': request.contentType ?? 'application/json' }),
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      signal,
    }
  }
}

/** Once: what the server has not looked at, and reads that were lost with their connection. */
function mayRepeat(request: ExchangeRequest, connection: Connection, error: unknown): boolean {
  return error instanceof RequestRefusedError || (request.method === 'GET' && !connection.usable)
}

async function succeeded(response: WireResponse): Promise<WireResponse> {
  if (response.status >= 200 && response.status < 300) return response
  throw failureOf(response.status, response.headers, await readAll(response.body, maxFailureBytes))
}

async function* explained(
  body: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    yield* body
  } catch (error) {
    if (signal?.aborted) return
    throw asStatusError(error)
  }
}

function asStatusError(error: unknown): Error {
  if (error instanceof StatusError) return error
  const why = error instanceof Error ? describe(error) : 'unknown failure'
  if (error instanceof SyntaxError) {
    return new StatusError('InternalError', `the server's answer is not JSON: ${why}`, { cause: error })
  }
  if (error instanceof Error && error.name === 'ResponseTooLargeError') {
    return new StatusError('InternalError', why, { cause: error })
  }
  return new StatusError('ServiceUnavailable', `the server cannot be reached: ${why}`, { cause: error })
}

/** An AggregateError of several addresses says nothing by itself. */
function describe(error: Error): string {
  if (error.message !== '') return error.message
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return describe(error.errors[0])
  return error.name
}

function timedOut({ method, path, timeoutMs }: ExchangeRequest): StatusError {
  return new StatusError('Timeout', `${method} ${path.split('?')[0]}: no answer within ${timeoutMs} ms`)
}

function sameHeaders(a: Credentials, b: Credentials): boolean {
  return JSON.stringify(a.headers) === JSON.stringify(b.headers)
}
