import type { IncomingMessage } from 'node:http'
import {
  createSecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ClientConfig } from '../../../../apimachinery/client/http-client.ts'
import type { Credentials } from '../../../../apimachinery/client/http/connection.ts'
import { systemClock } from '../../../../apimachinery/clock.ts'
import {
  createAuthority,
  issueCertificate,
  type KeyPair,
} from '../../../../apiserver/certificates/authority.ts'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** Common name of the client's certificate. */
  readonly user: string | undefined
  readonly httpVersion: string
}

/** The part of a response, by either version of HTTP, that tests use. */
export interface Reply {
  writeHead(status: number, headers: Record<string, string>): unknown
  write(chunk: string | Buffer, done?: () => void): unknown
  end(chunk: string): unknown
  /** Of HTTP/2. */
  readonly stream?: ServerHttp2Stream
}

export type Answer = (request: Seen, response: Reply) => void | Promise<void>

/** A TLS server whose answers a test makes up, one after the other; the last one for all that follow. */
export interface ScriptedServer {
  readonly url: string
  readonly authority: KeyPair
  readonly seen: readonly Seen[]
  readonly sessions: readonly ServerHttp2Session[]
  /** What is answered from now on. */
  answer(...answers: Answer[]): void
  config(credentials?: Partial<Credentials>): ClientConfig
  close(): Promise<void>
}

const authority = createAuthority(systemClock, 'test', 1)
const certificate = authority.then((signer) =>
  issueCertificate(systemClock, signer, {
    commonName: 'server',
    usage: 'server',
    hosts: ['127.0.0.1', 'server.test'],
    validDays: 1,
  }),
)

export async function issueClientCertificate(commonName: string): Promise<KeyPair> {
  return issueCertificate(systemClock, await authority, { commonName, usage: 'client', validDays: 1 })
}

export async function startScriptedServer(
  options: { readonly http1Only?: boolean } = {},
): Promise<ScriptedServer> {
  const signer = await authority
  const { certificate: cert, key } = await certificate
  const seen: Seen[] = []
  const sessions: ServerHttp2Session[] = []
  let answers: Answer[] = []
  const respond = (request: Http2ServerRequest | IncomingMessage, response: Reply) => {
    void readBody(request).then(async (body) => {
      const entry = { ...describe(request), body }
      seen.push(entry)
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      await answer?.(entry, response)
    })
  }
  const tls = { cert, key, ca: signer.certificate, requestCert: true, rejectUnauthorized: false }
  const server = options.http1Only
    ? createServer(tls, (request, response) => respond(request, response))
    : createSecureServer(tls, (request, response) => respond(request, response))
  server.on('session', (session: ServerHttp2Session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  const sockets = new Set<TLSSocket>()
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    authority: signer,
    seen,
    sessions,
    answer: (...next) => void (answers = next),
    config: (credentials = {}) => ({
      server: url,
      credentials: async () => ({ ca: signer.certificate, headers: {}, ...credentials }),
    }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function describe(request: Http2ServerRequest | IncomingMessage): Omit<Seen, 'body'> {
  const { method = '', url = '', headers, httpVersion } = request
  const socket = ('stream' in request ? request.stream.session?.socket : request.socket) as TLSSocket
  const commonName = socket.getPeerCertificate()?.subject?.CN
  return {
    method,
    path: url,
    headers,
    httpVersion,
    user: Array.isArray(commonName) ? commonName[0] : commonName,
  }
}

async function readBody(request: Http2ServerRequest | IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk as string
  return body
}

/** Answers with JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(value))
  }
}

export function failureStatus(code: number, reason: string, details?: object): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `it is ${reason}`,
    reason,
    code,
    details,
  }
}

/** Takes the request and never answers. */
export const silence: Answer = () => {}

/** Writes text in the pieces given, each when the one before has left, and ends. */
export function pieces(...texts: (string | Buffer)[]): Answer {
  return async (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    for (const text of texts) {
      await new Promise<void>((resolve) => response.write(text, () => resolve()))
      await new Promise((resolve) => setImmediate(resolve))
    }
    response.end('')
  }
}
