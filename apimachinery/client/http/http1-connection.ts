import {
  Agent as HttpAgent,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { Connection, WireRequest, WireResponse } from './connection.ts'

/** HTTP/1.1 with kept-alive sockets, for servers without HTTP/2: a `kubectl proxy`, an old load balancer. */
export class Http1Connection implements Connection {
  readonly #url: URL
  readonly #agent: HttpAgent
  #retired = false
  #underWay = 0

  constructor(url: URL, tls: ConnectionOptions) {
    this.#url = url
    const options = { keepAlive: true, maxSockets: 256 }
    this.#agent = url.protocol === 'https:' ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options)
  }

  get usable(): boolean {
    return !this.#retired
  }

  get closed(): boolean {
    return this.#retired && this.#underWay === 0
  }

  send(request: WireRequest): Promise<WireResponse> {
    this.#underWay += 1
    return new Promise((resolve, reject) => {
      const body = request.body === undefined ? undefined : Buffer.from(request.body)
      const options: RequestOptions = {
        agent: this.#agent,
        host: this.#url.hostname.replace(/^\[|\]$/g, ''),
        port: this.#url.port,
        method: request.method,
        path: request.path,
        headers: { ...request.headers, ...(body && { 'content-length': body.length }) },
        signal: request.signal,
      }
      const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
      const outgoing = send(options, (response: IncomingMessage) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response })
      })
      outgoing.once('error', (error) => {
        reject(request.signal.aborted ? (request.signal.reason as Error) : error)
      })
      outgoing.once('close', () => this.#ended())
      outgoing.end(body)
    })
  }

  #ended(): void {
    this.#underWay -= 1
    if (this.closed) this.#agent.destroy()
  }

  /** Every request has a socket that ends with it: there is no connection to ask. */
  probe(): void {}

  retire(): void {
    this.#retired = true
    if (this.closed) this.#agent.destroy()
  }

  destroy(): void {
    this.#retired = true
    this.#agent.destroy()
  }
}
