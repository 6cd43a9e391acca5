import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../apimachinery/status-error.ts'
import { SharedTurns } from './loop-turns.ts'

/** The largest request body kube-apiserver reads. */
export const maxBodyBytes = 3 * 1024 * 1024

/** Reads a whole request body; throws RequestEntityTooLarge past the limit and the signal's reason on abort. */
export async function readBody(request: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBodyBytes) throw tooLarge()
  const bytes = await gather(request, signal)
  // What comes next is the costly part of a request.
  const wait = turns.take()
  if (wait) await wait
  return bytes
}

const turns = new SharedTurns()

function gather(request: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  return new Promise<Buffer>((resolve, reject) => {
    const finish = (settle: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onError).off('aborted', onAborted)
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBodyBytes) {
        request.pause()
        finish(() => reject(tooLarge()))
      } else chunks.push(chunk)
    }
    const onEnd = () =>
      finish(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    const onError = (error: Error) => finish(() => reject(cutOff(error)))
    const onAborted = () => finish(() => reject(cutOff()))
    const onAbort = () => finish(() => reject(signal.reason as Error))
    if (signal.aborted) return reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    request.on('data', onData).on('end', onEnd).on('error', onError).on('aborted', onAborted)
  })
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`)
}

function cutOff(cause?: Error): StatusError {
  return new StatusError('BadRequest', 'the request body ended before it was complete', { cause })
}
