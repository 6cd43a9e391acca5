import type { WebSocket } from 'ws'
import { StatusError } from '../../apimachinery/status-error.ts'

/** Why a transfer ended early; it is worth going on with. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff'
}

/** Resolves once the WebSocket is up. Rejects with the server's Status, or BrokenOff when there is no answer. */
export function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', (error) => reject(new BrokenOff(error.message)))
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        socket.on('error', () => {})
        reject(refusal(response.statusCode ?? 500, Buffer.concat(chunks).toString('utf8')))
      })
    })
  })
}

function refusal(code: number, body: string): Error {
  if (code === 503) return new BrokenOff(messageOf(body, code))
  const reason = code === 404 ? 'NotFound' : code === 409 ? 'Conflict' : 'BadRequest'
  return new StatusError(reason, messageOf(body, code), { code })
}

function messageOf(body: string, code: number): string {
  try {
    return (JSON.parse(body) as { message?: string }).message ?? `the server answered ${code}`
  } catch {
    return `the server answered ${code}`
  }
}

/** The first text message, as JSON. Rejects with BrokenOff when the connection ends before it. */
export function hear(socket: WebSocket): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const ended = (_code: number, reason: Buffer) =>
      reject(new BrokenOff(reason.toString() || 'the connection ended'))
    socket.once('close', ended)
    socket.once('message', (data: Buffer) => {
      socket.off('close', ended)
      resolve(JSON.parse(data.toString('utf8')) as Readonly<Record<string, unknown>>)
    })
  })
}

/** Sends one message; resolves when it is on its way. */
export function send(socket: WebSocket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.send(data, (error) => (error instanceof Error ? reject(new BrokenOff(error.message)) : resolve())),
  )
}

/** Resolves when the other end has closed with 1000. Rejects with BrokenOff and its reason otherwise. */
export function closedWell(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('close', (code, reason) =>
      code === 1000 ? resolve() : reject(new BrokenOff(reason.toString() || 'the connection broke off')),
    )
  })
}
