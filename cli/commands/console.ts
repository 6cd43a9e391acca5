import type { Readable, Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { findMachine } from '../machine.ts'

/** Ctrl-]: what telnet and virsh use. */
const escape = 0x1d

export interface Terminal {
  readonly input: Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly output: Writable
}

export interface ConsoleDeps {
  readonly terminal: Terminal
  /** Opens a WebSocket to a path of the API server, with the credentials of the context. */
  readonly openWebSocket: (path: string) => Promise<WebSocket>
}

/** `kvorum console`: this terminal becomes the machine's serial console until Ctrl-] or until the run ends. */
export async function attachConsole(
  context: CommandContext,
  args: readonly string[],
  deps: ConsoleDeps,
): Promise<void> {
  const { run, name } = await findMachine(context, args, 'console')
  const path = pathOf(run, { namespace: context.namespace, name, subresource: 'console' })
  const socket = await deps.openWebSocket(path)
  await opened(socket)
  if (deps.terminal.input.isTTY === true)
    context.error(`Connected to ${name}. Ctrl-] leaves; Enter brings the prompt.`)
  await relay(socket, deps.terminal, context.signal)
}

/** Resolves once it is open; rejects with what the server says instead. */
export function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        reject(refusal(response.statusCode ?? 500, Buffer.concat(chunks).toString('utf8'))),
      )
    })
  })
}

function refusal(code: number, body: string): Error {
  let message = `the server answered ${code}`
  try {
    message = (JSON.parse(body) as { message?: string }).message ?? message
  } catch {
    // Not a Status: the code has to do.
  }
  return new StatusError(code === 404 ? 'NotFound' : 'ServiceUnavailable', message, { code })
}

async function relay(socket: WebSocket, { input, output }: Terminal, signal: AbortSignal): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.once('error', () => resolve())
  })
  const leave = () => socket.close()
  const type = (chunk: Buffer) => {
    const at = chunk.indexOf(escape)
    if (at !== 0) socket.send(at === -1 ? chunk : chunk.subarray(0, at))
    if (at !== -1) leave()
  }
  signal.addEventListener('abort', leave, { once: true })
  socket.on('message', (data) => output.write(data as Buffer))
  input.setRawMode?.(true)
  input.on('data', type)
  try {
    await closed
  } finally {
    input.off('data', type)
    input.setRawMode?.(false)
    input.pause()
    signal.removeEventListener('abort', leave)
  }
}
