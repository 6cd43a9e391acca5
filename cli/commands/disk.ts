import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { CommandContext } from '../context.ts'
import { pathOf } from '../discovery.ts'
import { UsageError } from '../usage-error.ts'
import type { TransferDeps } from './image.ts'
import { untilDone } from './retry-transfer.ts'
import { BrokenOff, hear, opened, send } from './transfer-socket.ts'

const answer = z.object({
  totalBytes: z.number().int().positive(),
  offset: z.number().int().nonnegative(),
  version: z.string(),
})

/**
 * `kvorum disk download NAME FILE`: the disk of a stopped machine as one qcow2 file. What arrives is kept in
 * `FILE.partial`, so that a download that broke off goes on, also when the command is given again.
 */
export async function downloadDisk(
  context: CommandContext,
  { name, path }: { readonly name: string; readonly path: string },
  deps: TransferDeps,
): Promise<void> {
  if ((await sizeOf(path)) !== undefined) throw new UsageError(`${path} is there already`)
  const disks = (await context.discovery()).byName('disks.kvorum.dev')
  const download = pathOf(disks, { namespace: context.namespace, name, subresource: 'download' })
  const partial = `${path}.partial`
  const file = await open(partial, 'a', 0o600)
  try {
    await untilDone(context, deps, () =>
      once(file, { partial, path: download, signal: context.signal }, deps),
    )
    await file.sync()
  } finally {
    deps.progress.end()
    await file.close()
  }
  await rename(partial, path)
  await rm(`${partial}.version`, { force: true })
  context.print(`disk.kvorum.dev/${name} downloaded to ${path}\n`)
}

async function once(
  file: FileHandle,
  {
    partial,
    path,
    signal,
  }: { readonly partial: string; readonly path: string; readonly signal: AbortSignal },
  { openWebSocket, progress }: TransferDeps,
): Promise<void> {
  const socket = await openWebSocket(path)
  const leave = () => socket.terminate()
  signal.addEventListener('abort', leave, { once: true })
  try {
    await opened(socket)
    socket.on('error', () => {})
    const version = await readFile(`${partial}.version`, 'utf8').catch(() => undefined)
    const begin = hear(socket)
    // Together with the answer come bytes: nothing may arrive before somebody takes it.
    begin.then(
      () => socket.pause(),
      () => {},
    )
    const here = (await file.stat()).size
    await send(socket, JSON.stringify({ offset: version === undefined ? 0 : here, version }))
    const { totalBytes, offset, version: current } = answer.parse(await begin)
    if (offset !== here) await file.truncate(offset)
    await writeFile(`${partial}.version`, current, { mode: 0o600 })
    await receive(socket, file, { offset, totalBytes, progress })
    socket.close(1000)
  } finally {
    signal.removeEventListener('abort', leave)
    setImmediate(() => socket.readyState === socket.CLOSING || socket.terminate())
  }
}

/** Writes what comes, one message after the other; the server is held up meanwhile. */
function receive(
  socket: WebSocket,
  file: FileHandle,
  {
    offset,
    totalBytes,
    progress,
  }: Readonly<{ offset: number; totalBytes: number; progress: TransferDeps['progress'] }>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let arrived = offset
    let written: Promise<unknown> = Promise.resolve()
    const done = () => void written.then(() => resolve(), reject)
    socket.on('message', (data: Buffer) => {
      arrived += data.length
      if (arrived > totalBytes) return reject(new Error('the server sent more than it said'))
      socket.pause()
      written = written.then(async () => {
        await file.appendFile(data)
        progress.at(arrived, totalBytes)
        socket.resume()
      })
      written.catch(reject)
      if (arrived === totalBytes) done()
    })
    socket.once('close', (_code, reason) => {
      const broke = new BrokenOff(reason.toString() || `broke off after ${arrived} bytes`)
      if (arrived < totalBytes) written.then(() => reject(broke), reject)
    })
    if (arrived === totalBytes) done()
    socket.resume()
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch {
    return undefined
  }
}
