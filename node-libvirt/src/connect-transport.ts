import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { connectTls } from './connect-tls.ts'
import type { TlsCredentials } from './connect-tls.ts'
import { DisconnectedError } from './errors.ts'
import type { Transport } from './transport.ts'
import type { CommandTransport, Endpoint, UnixTransport } from './uri.ts'

/** Makes the byte connection to a daemon. Rejects with `DisconnectedError` or `AuthenticationError`. */
export async function connectTransport(
  transport: Endpoint['transport'],
  { tls, signal }: { readonly tls?: TlsCredentials | undefined; readonly signal: AbortSignal },
): Promise<Transport> {
  switch (transport.kind) {
    case 'unix':
      return socketTransport(await connected(connect(socketPath(transport)), signal))
    case 'tcp': {
      const socket = await connected(connect(transport.port, transport.host), signal)
      socket.setNoDelay(true)
      return socketTransport(socket)
    }
    case 'tls':
      return socketTransport(await connectTls(transport, tls, signal))
    case 'command':
      return commandTransport(transport)
  }
}

function socketPath({ paths }: UnixTransport): string {
  const path = paths.find((candidate) => existsSync(candidate)) ?? paths.at(-1)
  if (path === undefined) throw new DisconnectedError('No socket path was given')
  return path
}

function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy()
      reject(new DisconnectedError(`Cannot reach libvirt: ${error.message}`, { cause: error }))
    }
    const abort = () => fail(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', fail)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

function socketTransport(socket: Socket): Transport {
  return { input: socket, output: socket, destroy: () => socket.destroy() }
}

const keptErrorOutput = 2000

/** Runs a command such as `ssh … virt-ssh-helper` and speaks to its standard input and output. */
function commandTransport({ argv: [program, ...args] }: CommandTransport): Transport {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-keptErrorOutput)
  })
  // The input ends only when the child has said everything, so that its last words can explain the end;
  // a broken pipe to it is no news then.
  const input = new PassThrough()
  child.stdout.pipe(input, { end: false })
  child.once('error', (error) => input.destroy(error))
  child.once('close', () => input.end())
  child.stdin.on('error', () => {})
  const output = new Writable({
    write: (chunk: Buffer, _encoding, callback) => void child.stdin.write(chunk, () => callback()),
  })
  return {
    input,
    output,
    destroy: () => {
      input.destroy()
      child.stdin.destroy()
      child.stdout.destroy()
      child.kill()
    },
    diagnostics: () => said.trim(),
  }
}
