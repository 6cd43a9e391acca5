import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Registry } from 'prom-client'
import { WebSocketServer } from 'ws'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { notFound, StatusError } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { keepServing, type ServingTls } from '../credentials/serving-tls.ts'
import type { Displays } from '../hypervisor/displays.ts'
import { type Hypervisor, HypervisorError } from '../hypervisor/hypervisor.ts'
import type { Accept } from '../transfer/transfers.ts'
import { relayConsole } from './relay-console.ts'

export interface ConsoleServerDeps {
  readonly hypervisor: Pick<Hypervisor, 'openConsole'>
  readonly displays: Displays
  readonly findRun: (namespace: string, name: string) => Stored<VirtualMachineInstance> | undefined
  /** What else may be upgraded, by path; undefined for what may not. Throws a StatusError. */
  readonly transfers?: (path: string) => Accept | undefined
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Logger
}

export interface ConsoleServerOptions {
  readonly address: string
  /** 0 takes a free one. */
  readonly port: number
  /** Nobody gets in before it has something to show. */
  readonly tls: ServingTls
}

export interface ConsoleServer {
  readonly port: number
  /** Ends every console and refuses new ones. */
  close(): Promise<void>
}

// Keystrokes and pasted text; a larger frame is no console's.
const maxFrameBytes = 1024 ** 2
const screenshotMs = 15_000
const runPath =
  /^\/v1alpha1\/namespaces\/([^/]+)\/virtualmachineinstances\/([^/]+)\/(console|vnc|screenshot)$/

/**
 * Serves serial consoles and screens as WebSockets, and screenshots, health and figures, by HTTPS to whoever shows the
 * certificate of the API server or of an administrator. Resolves when it listens.
 */
export async function startConsoleServer(
  options: ConsoleServerOptions,
  deps: ConsoleServerDeps,
): Promise<ConsoleServer> {
  const server = createServer({
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  })
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
  })
  server.on('request', (request, response) => void answer(request, response, deps))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    accept(request, deps).then(
      (take) => sockets.handleUpgrade(request, socket, head, take),
      (error: unknown) => refuse(socket, error, deps.log),
    )
  })
  server.on('tlsClientError', (error) => deps.log.debug('TLS client was refused', { error }))
  const stopServing = await keepServing(server, options.tls, deps)
  const port = await listen(server, options).catch((error: unknown) => {
    stopServing()
    throw error
  })
  return {
    port,
    async close() {
      stopServing()
      for (const client of sockets.clients) client.terminate()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function listen(server: Server, { address, port }: ConsoleServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  deps: ConsoleServerDeps,
): Promise<void> {
  const { registry, log } = deps
  try {
    const path = pathOf(request)
    if (path === '/healthz') return void response.end('ok')
    authorize(request)
    if (path !== '/metrics') return await sendScreenshot(request, response, deps)
    const metrics = await registry.metrics()
    response.setHeader('content-type', registry.contentType)
    response.end(metrics)
  } catch (error) {
    const status = asStatus(error, log)
    response.writeHead(status.code, { 'content-type': 'application/json' })
    response.end(JSON.stringify(status.toStatus()))
  }
}

async function accept(request: IncomingMessage, deps: ConsoleServerDeps): Promise<Accept> {
  authorize(request)
  const transfer = deps.transfers?.(pathOf(request))
  if (transfer !== undefined) return transfer
  const console = await openConsole(request, deps)
  return (client) => relayConsole(client, console, deps)
}

async function openConsole(request: IncomingMessage, deps: ConsoleServerDeps): Promise<Duplex> {
  const { uuid, part } = findTarget(request, deps)
  if (part === 'console') return deps.hypervisor.openConsole(uuid)
  if (part === 'vnc') return deps.displays.openDisplay(uuid)
  throw new StatusError('BadRequest', 'a screenshot is no connection: ask with a plain GET')
}

async function sendScreenshot(
  request: IncomingMessage,
  response: ServerResponse,
  deps: ConsoleServerDeps,
): Promise<void> {
  const { uuid, part } = findTarget(request, deps)
  if (part !== 'screenshot')
    throw new StatusError('BadRequest', `this is a WebSocket: the request lacks its upgrade`)
  const image = await deps.displays.screenshot(uuid, AbortSignal.timeout(screenshotMs))
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': image.length })
  response.end(image)
}

/** The machine that a request is about, and what of it. Throws StatusError. */
function findTarget(
  request: IncomingMessage,
  { findRun }: ConsoleServerDeps,
): { readonly uuid: string; readonly part: string } {
  const [, namespace, name, part] = runPath.exec(pathOf(request)) ?? []
  if (namespace === undefined || name === undefined || part === undefined)
    throw new StatusError('NotFound', 'nothing is served at this path')
  const run = findRun(decode(namespace), decode(name))
  if (run === undefined)
    throw notFound({ group: 'kvorum.dev', resource: 'virtualmachineinstances' }, decode(name))
  if (!['Running', 'Paused', 'Stopping'].includes(run.status?.phase ?? ''))
    throw new StatusError('BadRequest', `machine ${run.metadata.name} does not run`)
  return { uuid: run.spec.uuid, part }
}

/** The certificate was checked by TLS; who it is for decides. */
function authorize(request: IncomingMessage): void {
  const subject = (request.socket as TLSSocket).getPeerCertificate().subject as
    { readonly CN?: string | string[]; readonly O?: string | string[] } | undefined
  const names = [subject?.CN ?? []].flat()
  const groups = [subject?.O ?? []].flat()
  if (names.includes('kvorum:apiserver') || groups.includes('system:masters')) return
  throw new StatusError('Forbidden', 'only the API server and administrators may ask a node daemon')
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?')[0] ?? '/'
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new StatusError('BadRequest', 'the path is not valid')
  }
}

function asStatus(error: unknown, log: Logger): StatusError {
  if (error instanceof StatusError) return error
  if (error instanceof HypervisorError)
    return new StatusError(
      error.code === 'conflict' ? 'BadRequest' : 'ServiceUnavailable',
      `the console cannot be opened: ${error.message}`,
    )
  log.error('Request failed', { error })
  return new StatusError('InternalError', 'the request failed; the daemon has logged why')
}

function refuse(socket: Duplex, error: unknown, log: Logger): void {
  if (socket.destroyed) return
  const status = asStatus(error, log)
  const body = JSON.stringify(status.toStatus())
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
