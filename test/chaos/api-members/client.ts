import { Agent, request } from 'node:https'
import type { Readable } from 'node:stream'

export interface Credentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

export interface Answer {
  readonly code: number
  readonly text: string
}

/** Plain HTTPS to one API server, on connections of its own; never tries anything twice. */
export class MemberClient {
  readonly #url: URL
  readonly #agent: Agent

  constructor(url: string, credentials: Credentials) {
    this.#url = new URL(url)
    this.#agent = new Agent({ keepAlive: true, ...credentials })
  }

  /** Throws when the connection breaks or no whole answer comes within the time. */
  async send(method: string, path: string, body?: object, timeoutMs = 10_000): Promise<Answer> {
    const signal = AbortSignal.timeout(timeoutMs)
    const { code, stream } = await this.open(method, path, body, signal)
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk)
    return { code, text }
  }

  /** The answer's head, and its body as it comes. */
  open(
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<{ code: number; stream: Readable }> {
    const { hostname, port } = this.#url
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers =
      text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return new Promise((resolve, reject) => {
      const sent = request(
        { method, hostname, port, path, agent: this.#agent, headers, signal },
        (response) => {
          response.once('aborted', () => response.destroy(new Error('cut off')))
          resolve({ code: response.statusCode ?? 0, stream: response })
        },
      )
      sent.once('error', reject)
      sent.end(text)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
