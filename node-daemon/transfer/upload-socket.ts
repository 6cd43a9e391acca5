import { Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { Clock } from '../../apimachinery/clock.ts'
import { unreachable } from '../image/unreachable.ts'
import { keepAlive } from './keep-alive.ts'
import type { UploadDesk } from './upload-desk.ts'

const hello = z.object({
  totalBytes: z.number().int().positive(),
  fingerprint: z.string().min(1).max(256),
})

/**
 * Takes an image from a client: it says `{"totalBytes", "fingerprint"}`, hears `{"offset"}` when the import is ready,
 * and sends the bytes from there on as binary messages. The close code is 1000 when everything has arrived.
 */
export function receiveUpload(
  client: WebSocket,
  imageUid: string,
  { desk, clock }: { readonly desk: UploadDesk; readonly clock: Clock },
): void {
  keepAlive(client, clock)
  client.on('error', () => client.terminate())
  client.once('message', (data: Buffer, isBinary) => {
    const said = isBinary ? undefined : hello.safeParse(parse(data)).data
    if (said === undefined) return client.close(1008, 'say totalBytes and fingerprint first')
    try {
      const begin = (offset: number, signal: AbortSignal) => frames(client, said.totalBytes, offset, signal)
      client.once('close', desk.offer(imageUid, { ...said, begin }))
    } catch (error) {
      client.close(1008, (error as Error).message.slice(0, 120))
    }
  })
}

/** Binary messages as they come; the client is held up while they are not taken. */
function frames(client: WebSocket, totalBytes: number, offset: number, signal: AbortSignal): Readable {
  let received = offset
  const brokeOff = () => unreachable(`the upload broke off after ${received} bytes`)
  const readable = new Readable({
    read: () => client.resume(),
    destroy(error, done) {
      client.off('message', take)
      client.off('close', closed)
      signal.removeEventListener('abort', abort)
      client.resume()
      client.close(received === totalBytes && error === null ? 1000 : 1011, error?.message.slice(0, 120))
      done(error)
    },
  })
  const take = (data: Buffer, isBinary: boolean) => {
    if (!isBinary || received + data.length > totalBytes)
      return void readable.destroy(unreachable('the upload has more bytes than it said'))
    received += data.length
    if (!readable.push(data)) client.pause()
    if (received === totalBytes) readable.push(null)
  }
  const closed = () => {
    if (received < totalBytes) readable.destroy(brokeOff())
  }
  const abort = () => readable.destroy(signal.reason as Error)
  client.on('message', take)
  client.once('close', closed)
  signal.addEventListener('abort', abort, { once: true })
  if (client.readyState !== client.OPEN) queueMicrotask(closed)
  else client.send(JSON.stringify({ offset }))
  if (received === totalBytes) readable.push(null)
  return readable
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'))
  } catch {
    return undefined
  }
}
