import { open } from 'node:fs/promises'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { DiskExport } from '../storage/storage-driver.ts'
import { keepAlive } from './keep-alive.ts'

const wish = z.object({
  offset: z.number().int().nonnegative(),
  version: z.string().max(256).optional(),
})

const chunkBytes = 256 * 1024
// More than this on its way to a slow client, and reading waits.
const sendAheadBytes = 4 * 1024 ** 2

export interface DownloadDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Makes the file, or answers the one that is still there. */
  readonly prepare: (signal: AbortSignal) => Promise<DiskExport>
  /** Everything has arrived: the file may go. */
  readonly done: () => Promise<void>
}

/**
 * Gives a disk to a client as one qcow2 file: it says `{"offset", "version"}`, hears `{"totalBytes", "version",
 * "offset"}` (0 when the version is another one by now) and gets the bytes as binary messages. It closes with 1000
 * when it has them all.
 */
export function sendDownload(client: WebSocket, deps: DownloadDeps): void {
  keepAlive(client, deps.clock)
  const gone = new AbortController()
  let sent = false
  client.once('close', (code) => {
    gone.abort(new Error('the client is gone'))
    if (sent && code === 1000) deps.done().catch((error: unknown) => deps.log.warn('Export stays', { error }))
  })
  client.on('error', () => client.terminate())
  client.once('message', (data: Buffer) => {
    serve(client, data, deps, gone.signal).then(
      () => (sent = true),
      (error: unknown) => {
        if (gone.signal.aborted) return
        deps.log.warn('Download failed', { error })
        const known = error instanceof Error && error.name === 'StorageDriverError'
        client.close(1011, known ? (error as Error).message.slice(0, 120) : 'the download failed')
      },
    )
  })
}

async function serve(
  client: WebSocket,
  data: Buffer,
  { prepare }: DownloadDeps,
  signal: AbortSignal,
): Promise<void> {
  const asked = wish.parse(JSON.parse(data.toString('utf8')))
  const { path, bytes: totalBytes, version } = await prepare(signal)
  const offset = asked.version === version && asked.offset <= totalBytes ? asked.offset : 0
  const file = await open(path, 'r')
  try {
    await send(client, JSON.stringify({ totalBytes, version, offset }))
    let waiting: Promise<void> = Promise.resolve()
    let ahead = 0
    for (let at = offset; at < totalBytes;) {
      signal.throwIfAborted()
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, at)
      if (bytesRead === 0) throw new Error('the exported file became shorter')
      at += bytesRead
      waiting = send(client, buffer.subarray(0, bytesRead))
      waiting.catch(() => {})
      ahead += bytesRead
      if (ahead < sendAheadBytes) continue
      await waiting
      ahead = 0
    }
    await waiting
  } finally {
    await file.close()
  }
}

function send(client: WebSocket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    client.send(data, (error) => (error instanceof Error ? reject(error) : resolve())),
  )
}
