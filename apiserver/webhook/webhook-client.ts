import type { IncomingMessage } from 'node:http'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type AgentOptions } from 'node:https'
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Credentials } from '../../apimachinery/client/http/connection.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { WebhookEndpoint } from './webhook-endpoint.ts'
import { requestFailure, socketFailure, statusFailure, wasStale, WebhookError } from './webhook-error.ts'

export interface WebhookCall {
  /** For the whole call, from dialling to the last byte of the answer. */
  readonly timeoutMs: number
  /** Gives up early; the call then fails as `cancelled`. */
  readonly signal?: AbortSignal | undefined
  /** Added to the URL: admission webhooks are told their timeout as `?timeout=10s`. */
  readonly query?: Readonly<Record<string, string>>
  /** Longest answer that is taken; 16 MiB when left out. */
  readonly maxAnswerBytes?: number
}

export interface WebhookAnswer {
  readonly code: number
  readonly contentType: string
  readonly body: Buffer
}

const defaultMaxAnswerBytes = 16 * 1024 * 1024
// Renewed certificates and tokens are noticed this late at most.
const credentialsMaxAgeMs = 30_000
const idleMs = 90_000
const maxIdleSockets = 16

interface Transport {
  readonly credentials: Credentials
  readonly agent: HttpAgent | HttpsAgent
  readonly loadedAt: number
}

/** Posts JSON to one webhook over connections that are kept. Follows no redirects. */
export class WebhookClient {
  readonly #endpoint: WebhookEndpoint
  readonly #clock: Clock
  #transport: Transport | undefined

  constructor(endpoint: WebhookEndpoint, clock: Clock) {
    this.#endpoint = endpoint
    this.#clock = clock
  }

  get url(): URL {
    return this.#endpoint.url
  }

  /** Posts `body`, a Buffer being JSON already; resolves with the JSON that came back. Throws WebhookError. */
  async post(body: object, call: WebhookCall): Promise<Json> {
    const answer = await this.send(body, call)
    if (answer.body.length === 0) {
      const text = `0-length response with status code: ${answer.code} and content type: ${answer.contentType}`
      throw new WebhookError('malformed', text)
    }
    try {
      return JSON.parse(answer.body.toString('utf8')) as Json
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      throw new WebhookError('malformed', `couldn't get version/kind; json parse error: ${detail}`, {
        cause: error,
      })
    }
  }

  /** The same for webhooks whose answer nobody reads. Resolves for codes 2xx only. Throws WebhookError. */
  async send(body: object, call: WebhookCall): Promise<WebhookAnswer> {
    const { timeoutMs, signal } = call
    const url = withQuery(this.#endpoint.url, call.query)
    if (signal?.aborted) throw requestFailure(url, 'cancelled', 'context canceled', signal.reason)

    const ending = new AbortController()
    let late = false
    const cancelTimer = this.#clock.after(timeoutMs, () => {
      late = true
      ending.abort()
    })
    const cancel = () => ending.abort()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
      return await this.#exchange(url, bytes, call, ending.signal)
    } catch (error) {
      if (error instanceof WebhookError) throw error
      if (late) throw requestFailure(url, 'timeout', 'context deadline exceeded', error)
      if (signal?.aborted) throw requestFailure(url, 'cancelled', 'context canceled', signal.reason)
      throw socketFailure(url, error)
    } finally {
      cancelTimer()
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Lets calls under way finish; their connections and the idle ones are closed. */
  close(): void {
    if (this.#transport) retire(this.#transport.agent)
    this.#transport = undefined
  }

  async #exchange(url: URL, body: Buffer, call: WebhookCall, signal: AbortSignal): Promise<WebhookAnswer> {
    const transport = await this.#currentTransport()
    try {
      return await exchangeOnce({ url, body, call, transport, signal })
    } catch (error) {
      // The webhook cannot have seen a request that went out on a connection it had closed already.
      if (!(error instanceof StaleConnection)) throw error
      return await exchangeOnce({ url, body, call, transport, signal, fresh: true })
    }
  }

  async #currentTransport(): Promise<Transport> {
    const known = this.#transport
    const now = this.#clock.monotonic()
    if (known !== undefined && now - known.loadedAt < credentialsMaxAgeMs) return known
    const credentials = await this.#endpoint.credentials()
    const unchanged = known !== undefined && isDeepStrictEqual(known.credentials, credentials)
    const agent = unchanged ? known.agent : agentFor(this.#endpoint.url, credentials)
    if (known !== undefined && !unchanged) retire(known.agent)
    this.#transport = { credentials, agent, loadedAt: now }
    return this.#transport
  }
}

function withQuery(url: URL, query: Readonly<Record<string, string>> = {}): URL {
  const whole = new URL(url)
  for (const [name, value] of Object.entries(query)) whole.searchParams.set(name, value)
  return whole
}

class StaleConnection extends Error {}

interface Attempt {
  readonly url: URL
  readonly body: Buffer
  readonly call: WebhookCall
  readonly transport: Transport
  readonly signal: AbortSignal
  /** Dials anew, whatever connections are kept. */
  readonly fresh?: boolean
}

function exchangeOnce(attempt: Attempt): Promise<WebhookAnswer> {
  const { url, body, call, transport, signal, fresh = false } = attempt
  const start = url.protocol === 'http:' ? httpRequest : httpsRequest
  return new Promise((resolve, reject) => {
    const request = start(url, {
      method: 'POST',
      agent: fresh ? agentFor(url, transport.credentials, false) : transport.agent,
      signal,
      headers: {
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'kvorum-apiserver',
        ...transport.credentials.headers,
      },
    })
    request.on('error', (error) =>
      reject(!fresh && wasStale(request, error) ? new StaleConnection('', { cause: error }) : error),
    )
    request.on('response', (response) => {
      readAnswer(response, call.maxAnswerBytes ?? defaultMaxAnswerBytes).then(resolve, reject)
    })
    request.end(body)
  })
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<WebhookAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) {
      response.destroy()
      throw new WebhookError('too-large', `the answer of the webhook is longer than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  const code = response.statusCode ?? 0
  if (code < 200 || code > 299) throw statusFailure(code, body, response.headers['retry-after'])
  return { code, contentType: response.headers['content-type'] ?? '', body }
}

function agentFor(url: URL, credentials: Credentials, keepAlive = true): HttpAgent | HttpsAgent {
  const kept = { keepAlive, maxFreeSockets: maxIdleSockets, timeout: idleMs }
  if (url.protocol === 'http:') return new HttpAgent(kept)
  const { ca, cert, key, serverName, insecureSkipTlsVerify } = credentials
  // TLS names no addresses; the certificate is still checked against the address.
  const named = serverName ?? (isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 ? url.hostname : undefined)
  const options: AgentOptions = {
    ...kept,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(named !== undefined && { servername: named }),
    rejectUnauthorized: insecureSkipTlsVerify !== true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  }
  return new HttpsAgent(options)
}

function retire(agent: HttpAgent | HttpsAgent): void {
  agent.maxFreeSockets = 0
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
