import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { Connections } from './connections.ts'
import type { Handler, Reply, RequestContext } from './exchange.ts'
import { discardBody } from './leftover-body.ts'
import { parseRequestInfo } from './request-info.ts'
import { writeReply } from './write-reply.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly certificate: string
  readonly key: string
  /** PEM certificates whose clients are believed. */
  readonly clientAuthority: string
  readonly clock: Clock
  readonly log: Logger
  /** `remote`: only for clients that are not on this machine or a private network. */
  readonly compression: 'remote' | 'always' | 'never'
}

/** Takes over the socket of a request that asks for another protocol (HTTP/1.1 alone knows such). */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** What the server shows, and whom it believes. */
export type ListenerCertificates = Pick<ListenerOptions, 'certificate' | 'key' | 'clientAuthority'>

export interface Listener {
  readonly port: number
  /** For connections from now on; those that are open stay as they are. */
  useCertificates(certificates: ListenerCertificates): void
  /** Stops taking connections, ends open requests with the signal's reason, and resolves when all are closed. */
  close(): Promise<void>
}

const keepAliveMs = 120_000
const closeGraceMs = 5_000

/** HTTPS with HTTP/2 and HTTP/1.1 on one port; hands every request to `handler` and writes its reply. */
export async function listen(
  options: ListenerOptions,
  handler: Handler,
  upgrade: Upgrade,
): Promise<Listener> {
  const server = createSecureServer({
    allowHTTP1: true,
    ...secureContext(options),
    requestCert: true,
    rejectUnauthorized: false,
    // One client multiplexes everything; with the default of 10 MB one unread list blocks all its other requests.
    maxSessionMemory: 1000,
    settings: { maxConcurrentStreams: 250, initialWindowSize: 1 << 20, enableConnectProtocol: false },
  })
  const connections = new Connections(server)
  tuneHttp1(server)
  server.on('request', (request, response) => {
    const [plainRequest, plainResponse] = [
      request as unknown as IncomingMessage,
      response as unknown as ServerResponse,
    ]
    const gone = new AbortController()
    connections.busy(serve(plainRequest, plainResponse, { options, handler, gone }), gone)
  })
  server.on('upgrade', upgrade)
  server.on('sessionError', (error) => options.log.debug('HTTP/2 session failed', { error }))
  server.on('tlsClientError', (error) => options.log.debug('TLS handshake failed', { error }))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    useCertificates: (certificates) => server.setSecureContext(secureContext(certificates)),
    close: () => close(server, connections, options.clock),
  }
}

function secureContext({ certificate, key, clientAuthority }: ListenerCertificates) {
  return { cert: certificate, key, ca: clientAuthority, minVersion: 'TLSv1.2' } as const
}

/** The HTTP/1 side of the server, whose settings Node's types do not show. */
function tuneHttp1(server: Http2SecureServer): void {
  Object.assign(server, { keepAliveTimeout: keepAliveMs, headersTimeout: 30_000, requestTimeout: 300_000 })
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { options, handler, gone }: { options: ListenerOptions; handler: Handler; gone: AbortController },
): Promise<void> {
  response.once('close', () => {
    // After a whole answer nobody listens any more.
    if (!response.writableEnded) gone.abort(new StatusError('Timeout', 'the client is gone'))
  })
  response.on('error', () => {})
  request.on('error', () => {})
  try {
    const context = contextOf(request, response, options, gone)
    if ('reply' in context) await writeReply(context.context, context.reply)
    else await writeReply(context, await handler(context))
  } catch (error) {
    options.log.error('Answering failed', { error, path: request.url })
    response.destroy()
  }
  discardBody(request, options.clock)
}

function contextOf(
  request: IncomingMessage,
  response: ServerResponse,
  options: ListenerOptions,
  gone: AbortController,
): RequestContext | { context: RequestContext; reply: Reply } {
  const { path, query } = splitUrl(request.url ?? '/')
  const method = request.method ?? 'GET'
  const base = {
    request,
    response,
    method,
    query,
    user: undefined,
    signal: gone.signal,
    abort: (reason: StatusError) => gone.abort(reason),
    warnings: [],
    annotations: new Map(),
    auditId: auditIdOf(request),
    compress: mayCompress(request, options.compression),
  }
  try {
    return { ...base, info: parseRequestInfo(method, path, query) }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    const object = error.toStatus() as unknown as JsonObject
    const info = parseRequestInfo(method, '/', query)
    return { context: { ...base, info }, reply: { type: 'object', code: error.code, object } }
  }
}

function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?')
  if (mark === -1) return { path: url, query: new URLSearchParams() }
  return { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) }
}

function auditIdOf({ headers }: IncomingMessage): string {
  const given = headers['audit-id']
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID()
}

const nearby = /^(::1$|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd]|fe80:)/

function mayCompress(request: IncomingMessage, mode: ListenerOptions['compression']): boolean {
  if (mode === 'never' || !String(request.headers['accept-encoding'] ?? '').includes('gzip')) return false
  if (mode === 'always') return true
  const address = (request.socket?.remoteAddress ?? '').replace(/^::ffff:/, '')
  return !nearby.test(address)
}

async function close(server: Http2SecureServer, connections: Connections, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  connections.abortRequests(
    new StatusError('ServiceUnavailable', 'the server is shutting down', {
      details: { retryAfterSeconds: 1 },
    }),
  )
  const cancel = clock.after(closeGraceMs, () => connections.destroy())
  connections.goAway()
  await connections.idle()
  // A connection that is closed over a stream cuts it off, and its client can't know that it was all.
  await connections.gone()
  connections.end()
  await closed
  cancel()
}
