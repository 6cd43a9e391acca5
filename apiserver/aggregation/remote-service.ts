import { Agent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type Json } from '../../crds/meta/json.ts'
import type { ApiResource } from '../discovery/api-resource.ts'
import { socketText } from '../webhook/webhook-error.ts'
import { resourcesIn } from './remote-discovery.ts'

/** What this server shows to those behind it: who it is, so that they believe the users that it names. */
export interface ProxyCredentials {
  readonly certificate: string
  readonly key: string
}

export interface RemoteServiceOptions {
  readonly group: string
  readonly version: string
  /** `https://host:port`. */
  readonly url: string
  /** PEM; the system's authorities when undefined. */
  readonly authority: Buffer | undefined
  readonly insecure: boolean
  /** Asked for new connections, because certificates are renewed. */
  readonly credentials: () => ProxyCredentials | undefined
}

const checkTimeoutMs = 5_000
const maxDocumentBytes = 4 * 1024 * 1024

/** The server behind one APIService. */
export class RemoteService {
  readonly group: string
  readonly version: string
  readonly #url: URL
  readonly #agent: Agent
  readonly #clock: Clock

  constructor(options: RemoteServiceOptions, clock: Clock) {
    this.group = options.group
    this.version = options.version
    this.#url = new URL(options.url)
    this.#clock = clock
    const host = this.#url.hostname.replace(/^\[|\]$/g, '')
    const credentials = options.credentials()
    this.#agent = new Agent({
      keepAlive: true,
      ...(options.authority && { ca: options.authority }),
      ...(credentials && { cert: credentials.certificate, key: credentials.key }),
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: !options.insecure,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    })
  }

  /** Sends a request on; resolves with the head of the answer. */
  async send(
    { method, path, headers }: { method: string; path: string; headers: OutgoingHttpHeaders },
    body: IncomingMessage | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const options: RequestOptions = { method, agent: this.#agent, headers, signal }
    return await new Promise((resolve, reject) => {
      const sent = httpsRequest(new URL(path, this.#url), options)
      sent.on('response', resolve).on('error', reject)
      if (body) body.pipe(sent)
      else sent.end()
    })
  }

  /** What it serves, which is also the proof that it does. Throws an Error that says what is wrong. */
  async discover(signal: AbortSignal): Promise<ApiResource[]> {
    const path = `/apis/${this.group}/${this.version}`
    const url = new URL(path, this.#url).href
    const patience = new AbortController()
    const cancel = this.#clock.after(checkTimeoutMs, () => patience.abort(new Error('too late')))
    try {
      const headers = {
        accept: 'application/json',
        'x-remote-user': 'system:kube-aggregator',
        'x-remote-group': 'system:masters',
      }
      const either = AbortSignal.any([signal, patience.signal])
      const answer = await this.send({ method: 'GET', path, headers }, undefined, either)
      const body = await readJson(answer)
      if (answer.statusCode !== 200) throw new Error(`bad status from ${url}: ${answer.statusCode}`)
      return resourcesIn(body, this)
    } catch (error) {
      if (patience.signal.aborted) throw new Error(`timed out waiting for ${url}`, { cause: error })
      throw new Error(`failing or missing response from ${url}: ${socketText(error)}`, { cause: error })
    } finally {
      cancel()
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function readJson(answer: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxDocumentBytes) throw new Error(`the answer is longer than ${maxDocumentBytes} bytes`)
    chunks.push(chunk)
  }
  try {
    const value = JSON.parse(Buffer.concat(chunks).toString()) as Json
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
