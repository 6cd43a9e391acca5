import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { UsageError } from '../usage-error.ts'
import type { ProgressBar } from './progress-bar.ts'
import { type RetryDeps, untilDone } from './retry-transfer.ts'
import { closedWell, hear, opened, send } from './transfer-socket.ts'

export interface TransferDeps extends RetryDeps {
  readonly openWebSocket: (path: string) => Promise<WebSocket>
  readonly progress: ProgressBar
}

const chunkBytes = 256 * 1024
// More than this on its way to a slow server, and reading waits.
const sendAheadBytes = 4 * 1024 ** 2
const recheckMs = 500

/** `kvorum image upload NAME FILE`: brings the bytes of an Image with source.upload, and waits for its import. */
export async function uploadImage(
  context: CommandContext,
  { name, path }: { readonly name: string; readonly path: string },
  deps: TransferDeps,
): Promise<void> {
  const images = (await context.discovery()).byName('images.kvorum.dev')
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`)
  })
  try {
    const { size, mtimeMs } = await file.stat()
    const fingerprint = await fingerprintOf(file, mtimeMs)
    const upload = pathOf(images, { namespace: context.namespace, name, subresource: 'upload' })
    await untilDone(context, deps, () =>
      once(file, { size, fingerprint }, { path: upload, signal: context.signal }, deps),
    )
  } finally {
    deps.progress.end()
    await file.close()
  }
  await imported(context, pathOf(images, { namespace: context.namespace, name }), deps)
  context.print(`image.kvorum.dev/${name} uploaded\n`)
}

/** Tells this file from others of its size without reading all of it: the checksum in the Image is what proves it. */
async function fingerprintOf(file: FileHandle, mtimeMs: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1024 ** 2), 0, 1024 ** 2, 0)
  return createHash('sha256').update(buffer.subarray(0, bytesRead)).update(String(mtimeMs)).digest('hex')
}

async function once(
  file: FileHandle,
  { size, fingerprint }: { readonly size: number; readonly fingerprint: string },
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
  { openWebSocket, progress }: TransferDeps,
): Promise<void> {
  const socket = await openWebSocket(path)
  const leave = () => socket.terminate()
  signal.addEventListener('abort', leave, { once: true })
  try {
    await opened(socket)
    socket.on('error', () => {})
    const answer = hear(socket)
    await send(socket, JSON.stringify({ totalBytes: size, fingerprint }))
    const { offset } = z.object({ offset: z.number().int().nonnegative() }).parse(await answer)
    const ended = closedWell(socket)
    ended.catch(() => {})
    await sendFile(socket, file, { offset, size, progress })
    await ended
  } finally {
    signal.removeEventListener('abort', leave)
    socket.terminate()
  }
}

async function sendFile(
  socket: WebSocket,
  file: FileHandle,
  {
    offset,
    size,
    progress,
  }: { readonly offset: number; readonly size: number; readonly progress: ProgressBar },
): Promise<void> {
  let waiting: Promise<void> = Promise.resolve()
  for (let at = offset, ahead = 0; at < size;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, at)
    if (bytesRead === 0) throw new UsageError('the file became shorter while it was uploaded')
    at += bytesRead
    waiting = send(socket, buffer.subarray(0, Math.min(bytesRead, size - at + bytesRead)))
    waiting.catch(() => {})
    ahead += bytesRead
    if (ahead < sendAheadBytes) continue
    await waiting
    ahead = 0
    progress.at(at, size)
  }
  await waiting
  progress.at(size, size)
}

const imageStatus = z.object({
  status: z
    .object({
      phase: z.string().optional(),
      conditions: z.array(z.object({ type: z.string(), message: z.string() })).optional(),
    })
    .optional(),
})

/** Until the import has ended, one way or the other. */
async function imported(context: CommandContext, path: string, { sleep }: TransferDeps): Promise<void> {
  for (;;) {
    const { status } = imageStatus.parse(await context.api.json({ method: 'GET', path }))
    if (status?.phase === 'Ready') return
    const message = status?.conditions?.find(({ type }) => type === 'Ready')?.message
    if (status?.phase === 'Failed')
      throw new UsageError(`the image was refused: ${message ?? 'no reason given'}`)
    await sleep(recheckMs, context.signal)
  }
}
