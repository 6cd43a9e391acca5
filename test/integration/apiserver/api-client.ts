import { request, Agent, type RequestOptions } from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { parse } from 'yaml'
import type { TestApiServer } from '../../support/apiserver.ts'

export interface ApiAnswer {
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; tests know what they asked for. */
  readonly body: ApiBody
}

// A test looks into answers of many shapes; what is not there is undefined and fails its expectation.
// oxlint-disable-next-line typescript/no-explicit-any
export type ApiBody = any

export interface ApiRequest {
  readonly body?: string | Buffer | object
  readonly headers?: Record<string, string>
  /** Instead of the administrator's certificate: a bearer token, or nothing at all. */
  readonly as?: { readonly token: string } | 'nobody'
}

interface Credentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/** Plain HTTPS requests, byte for byte as a test wants them. */
export class ApiClient {
  readonly #url: URL
  readonly #credentials: Credentials
  readonly #admin: Agent
  readonly #anonymous: Agent

  /** The administrator's, for clients of other kinds. */
  static credentials(server: TestApiServer): Credentials {
    return credentialsOf(server.adminKubeconfig)
  }

  constructor(server: TestApiServer) {
    this.#url = new URL(server.url)
    this.#credentials = credentialsOf(server.adminKubeconfig)
    const { ca, cert, key } = this.#credentials
    this.#admin = new Agent({ keepAlive: true, ca, cert, key })
    this.#anonymous = new Agent({ keepAlive: true, ca })
  }

  get(path: string, options: ApiRequest = {}): Promise<ApiAnswer> {
    return this.send('GET', path, options)
  }

  post(path: string, body: ApiRequest['body'], options: ApiRequest = {}): Promise<ApiAnswer> {
    return this.send('POST', path, { ...options, body: body ?? '' })
  }

  put(path: string, body: ApiRequest['body'], options: ApiRequest = {}): Promise<ApiAnswer> {
    return this.send('PUT', path, { ...options, body: body ?? '' })
  }

  patch(path: string, type: string, body: ApiRequest['body'], options: ApiRequest = {}): Promise<ApiAnswer> {
    const contentType = type === 'apply' ? 'application/apply-patch+yaml' : `application/${type}-patch+json`
    return this.send('PATCH', path, {
      ...options,
      headers: { 'content-type': contentType, ...options.headers },
      body: body ?? '',
    })
  }

  delete(path: string, body?: ApiRequest['body']): Promise<ApiAnswer> {
    return this.send('DELETE', path, body === undefined ? {} : { body })
  }

  async send(method: string, path: string, options: ApiRequest): Promise<ApiAnswer> {
    const response = await this.open(method, path, options)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    return { code: response.statusCode ?? 0, headers: response.headers, text, body: jsonOf(text) }
  }

  /** Resolves with the response once its headers are there. */
  open(method: string, path: string, { body, headers = {}, as }: ApiRequest = {}): Promise<IncomingMessage> {
    const bytes = bytesOf(body)
    const options: RequestOptions = {
      method,
      host: this.#url.hostname,
      port: this.#url.port,
      path,
      agent: as === undefined ? this.#admin : this.#anonymous,
      headers: {
        ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
        ...(typeof as === 'object' && { authorization: `Bearer ${as.token}` }),
        ...headers,
      },
    }
    return new Promise((resolve, reject) => {
      const sent = request(options, resolve)
      sent.on('error', reject)
      sent.end(bytes)
    })
  }

  /** Opens a watch; close it in the end. Throws the Status when the server refuses. */
  async watch(path: string): Promise<Watch> {
    const response = await this.open('GET', path)
    return new Watch(response)
  }

  close(): void {
    this.#admin.destroy()
    this.#anonymous.destroy()
  }
}

/** Events of a watch, one after the other. */
export class Watch {
  readonly response: IncomingMessage
  readonly #lines: string[] = []
  #rest = ''
  #ended = false
  #wake: () => void = () => {}

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.#rest + text).split('\n')
      this.#rest = parts.pop() ?? ''
      this.#lines.push(...parts)
      this.#wake()
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    response.on('end', end).on('close', end).on('error', end)
  }

  /** The next event; undefined when the watch has ended. */
  async next(): Promise<{ type: string; object: ApiBody } | undefined> {
    for (;;) {
      const line = this.#lines.shift()
      if (line !== undefined) return JSON.parse(line) as { type: string; object: ApiBody }
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  /** `TYPE name` of the next `count` events. */
  async names(count: number): Promise<string[]> {
    const names: string[] = []
    while (names.length < count) {
      const event = await this.next()
      if (!event) break
      names.push(`${event.type} ${String(event.object.metadata?.name)}`)
    }
    return names
  }

  close(): void {
    this.response.destroy()
  }
}

function bytesOf(body: ApiRequest['body']): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function credentialsOf(kubeconfig: string): Credentials {
  const config = parse(kubeconfig) as {
    clusters: { cluster: Record<string, string> }[]
    users: { user: Record<string, string> }[]
  }
  const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
  return {
    ca: decode(config.clusters[0]?.cluster['certificate-authority-data']),
    cert: decode(config.users[0]?.user['client-certificate-data']),
    key: decode(config.users[0]?.user['client-key-data']),
  }
}

function jsonOf(text: string): ApiBody {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
