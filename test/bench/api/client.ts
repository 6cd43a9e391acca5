import { connect, type ClientHttp2Session } from 'node:http2'

export interface ClientCredentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** HTTP/2 over TLS on a number of connections, with as little work per request as Node allows. */
export class LoadClient {
  readonly #sessions: ClientHttp2Session[]
  #next = 0

  constructor(url: string, credentials: ClientCredentials, connections: number) {
    this.#sessions = Array.from({ length: connections }, () => {
      const session = connect(url, { ...credentials, settings: { initialWindowSize: 16 << 20 } })
      session.once('connect', () => session.setLocalWindowSize(64 << 20))
      // Failed requests tell.
      session.on('error', () => {})
      return session
    })
  }

  async send(call: Call): Promise<Answer> {
    const chunks: Buffer[] = []
    const status = await this.stream(call, (chunk) => void chunks.push(chunk))
    return { status, body: Buffer.concat(chunks) }
  }

  /** As `send`, for answers that may not be 4xx or 5xx. */
  async must(call: Call): Promise<Buffer> {
    const { status, body } = await this.send(call)
    if (status >= 400)
      throw new Error(`${call.method} ${call.path}: ${status} ${body.toString().slice(0, 300)}`)
    return body
  }

  /** Hands out the body as it comes; resolves with the status at its end. */
  stream(call: Call, take: (chunk: Buffer) => void, signal?: AbortSignal): Promise<number> {
    const session = this.#sessions[this.#next++ % this.#sessions.length]
    if (!session) throw new Error('the client has no connection')
    const { method, path, body, headers } = call
    return new Promise((resolve, reject) => {
      const stream = session.request(
        {
          ':method': method,
          ':path': path,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        { endStream: body === undefined, ...(signal && { signal }) },
      )
      let status = 0
      stream.on('response', (given) => (status = given[':status'] ?? 0))
      stream.on('data', take)
      stream.once('end', () => resolve(status))
      stream.once('error', reject)
      if (body !== undefined) stream.end(body)
    })
  }

  close(): void {
    for (const session of this.#sessions) session.destroy()
  }
}
