import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { findMachine } from '../machine.ts'
import { UsageError } from '../usage-error.ts'
import { opened } from './console.ts'
import type { Viewers } from './vnc-viewers.ts'

export interface VncOptions {
  /** Start no viewer: print the address and wait. */
  readonly proxyOnly?: boolean
  /** Local port; a free one unless given. */
  readonly port?: string
}

export interface VncDeps {
  /** Opens a WebSocket to a path of the API server, with the credentials of the context. */
  readonly openWebSocket: (path: string) => Promise<WebSocket>
  readonly viewers: Viewers
}

/**
 * `kvorum vnc`: a machine's screen in a viewer of this computer. A port on 127.0.0.1 leads to the machine for as long
 * as the viewer, or with `--proxy-only` the command, runs.
 */
export async function showScreen(
  context: CommandContext,
  args: readonly string[],
  options: VncOptions,
  { openWebSocket, viewers }: VncDeps,
): Promise<void> {
  const wanted = portOf(options.port)
  const { run, name } = await findMachine(context, args, 'vnc')
  const path = pathOf(run, { namespace: context.namespace, name, subresource: 'vnc' })
  // The first is opened before anybody asks for it, so that a refusal is told here and not by an empty window.
  let ready: Duplex | undefined = await openStream(openWebSocket, path)
  const take = async () => {
    const stream = ready?.destroyed === false ? ready : await openStream(openWebSocket, path)
    ready = undefined
    return stream
  }
  const proxy = await startProxy(wanted, take, (error) => context.error(`${name}: ${error.message}`))
  try {
    await view(context, { name, port: proxy.port, proxyOnly: options.proxyOnly === true, viewers })
  } finally {
    ready?.destroy()
    await proxy.close()
  }
}

/** Resolves once the server has agreed. */
async function openStream(openWebSocket: VncDeps['openWebSocket'], path: string): Promise<Duplex> {
  const socket = await openWebSocket(path)
  // From the beginning: a VNC server speaks first, and nothing keeps what comes before somebody listens.
  const stream = createWebSocketStream(socket, { allowHalfOpen: false })
  stream.on('error', () => {})
  await opened(socket)
  return stream
}

interface View {
  readonly name: string
  readonly port: number
  readonly proxyOnly: boolean
  readonly viewers: Viewers
}

async function view(context: CommandContext, { name, port, proxyOnly, viewers }: View): Promise<void> {
  const viewer = proxyOnly ? undefined : await viewers.find()
  if (viewer === undefined) {
    context.print(`127.0.0.1:${port}\n`)
    const why = proxyOnly ? '' : 'Neither remote-viewer nor vncviewer is installed. '
    context.error(`${why}Any VNC viewer of this computer shows ${name} there; Ctrl-C ends it.`)
    return await aborted(context.signal)
  }
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-vnc-'))
  try {
    const file = join(directory, `${name}.vv`)
    await writeFile(file, viewerFile(name, port), { mode: 0o600 })
    await viewers.run(viewer, { file, port }, context.signal)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What remote-viewer opens. */
export function viewerFile(name: string, port: number): string {
  return ['[virt-viewer]', 'type=vnc', 'host=127.0.0.1', `port=${port}`, `title=${name}`, ''].join('\n')
}

function portOf(text = '0'): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new UsageError(`--port takes a number up to 65535, not "${text}"`)
}

interface Proxy {
  readonly port: number
  close(): Promise<void>
}

async function startProxy(
  port: number,
  take: () => Promise<Duplex>,
  onError: (error: Error) => void,
): Promise<Proxy> {
  const clients = new Set<Socket>()
  const server = createServer((client) => {
    clients.add(client)
    client.once('close', () => clients.delete(client))
    client.on('error', () => client.destroy())
    take().then(
      (stream) => bridge(client, stream, onError),
      (error: Error) => {
        onError(error)
        client.destroy()
      },
    )
  })
  await listening(server, port)
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const client of clients) client.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function bridge(client: Socket, stream: Duplex, onError: (error: Error) => void): void {
  stream.on('error', (error) => {
    if (!client.destroyed) onError(error)
  })
  stream.once('close', () => client.destroy())
  client.once('close', () => stream.destroy())
  client.pipe(stream)
  stream.pipe(client)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
