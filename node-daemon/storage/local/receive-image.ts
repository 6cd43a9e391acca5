import { open, readFile, statfs, truncate, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { z } from 'zod'
import { type Checksum, checksum } from '../checksum.ts'
import { type ImageImport, type ResumePoint, StorageDriverError } from '../storage-driver.ts'
import { append, isMissing, removeFiles, statIfThere } from './files.ts'
import type { ImagePaths } from './volume-layout.ts'

// Left for the host and for the disks that machines are writing to.
const spaceReserveBytes = 64 * 1024 ** 2
// How much arrives between two looks at the free space, and is lost at most when the host loses power.
const checkpointBytes = 64 * 1024 ** 2

const state = z.object({ version: z.string().max(4096), bytes: z.number().int().positive() })

/**
 * Writes a source's bytes into their file and answers their digest. What arrived before the source broke off or the
 * daemon stopped is kept where the source can go on from there; whatever else fails, nothing is left.
 */
export async function receiveImage(
  paths: ImagePaths,
  source: ImageImport,
  signal: AbortSignal,
): Promise<string> {
  // Whatever happens, nobody at the other end waits for us to go on.
  const over = new AbortController()
  try {
    const kept = await readKept(paths)
    const opened = await source.open(AbortSignal.any([signal, over.signal]), kept)
    const offset = opened.offset ?? 0
    if (offset !== 0 && offset !== kept?.offset)
      throw new StorageDriverError('failed', 'the source goes on from where it was not asked to')
    const { version } = opened
    await removeFiles(paths.sourceState)
    const sum = checksum(source.checksum)
    if (offset > 0) await hashFile(paths.source, sum, signal)
    await store(paths, { ...opened, offset, version }, { source, sum, signal })
    return sum.verify()
  } catch (error) {
    if (!(await canGoOn(paths, error, signal))) await removeFiles(paths.source, paths.sourceState)
    throw error
  } finally {
    over.abort(new Error('the image is not being received any more'))
  }
}

interface Arriving {
  readonly body: AsyncIterable<Uint8Array>
  readonly totalBytes: number | undefined
  readonly offset: number
  readonly version: string | undefined
}

interface Receiving {
  readonly source: ImageImport
  readonly sum: Checksum
  readonly signal: AbortSignal
}

async function store(
  paths: ImagePaths,
  { body, totalBytes, offset, version }: Arriving,
  { source, sum, signal }: Receiving,
): Promise<void> {
  const file = await open(paths.source, offset > 0 ? 'a' : 'w', 0o600)
  let received = offset
  let checkedAt = offset
  const checkpoint = async () => {
    checkedAt = received
    if (version === undefined || received === 0) return
    await file.sync()
    await writeFile(paths.sourceState, JSON.stringify({ version, bytes: received }), { mode: 0o600 })
  }
  try {
    await requireSpace(paths.source, (totalBytes ?? 0) - offset)
    for await (const chunk of body) {
      signal.throwIfAborted()
      sum.update(chunk)
      await append(file, chunk)
      received += chunk.length
      if (received - checkedAt >= checkpointBytes) {
        await requireSpace(paths.source, 0)
        await checkpoint()
      }
      if (totalBytes !== undefined && totalBytes > 0)
        source.onProgress(Math.min(99, Math.floor((received / totalBytes) * 100)))
    }
  } catch (error) {
    await checkpoint()
    throw error
  } finally {
    await file.close()
  }
}

/** What an earlier try left, cut to what is known to be on the disk. */
async function readKept({ source, sourceState }: ImagePaths): Promise<ResumePoint | undefined> {
  const { data } = state.safeParse(await readJson(sourceState))
  const file = data && (await statIfThere(source))
  if (data === undefined || file === undefined || file.size < data.bytes) return undefined
  await truncate(source, data.bytes)
  return { offset: data.bytes, version: data.version }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function hashFile(path: string, sum: Checksum, signal: AbortSignal): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2, signal }))
    sum.update(chunk as Buffer)
}

async function canGoOn({ sourceState }: ImagePaths, error: unknown, signal: AbortSignal): Promise<boolean> {
  const broke = error instanceof StorageDriverError && error.code === 'source-unreachable'
  return (broke || signal.aborted) && (await statIfThere(sourceState)) !== undefined
}

/** Throws a `no-space` StorageDriverError unless `bytes` more fit into the file system of `path`. */
export async function requireSpace(path: string, bytes: number): Promise<void> {
  if ((await freeBytes(path)) >= bytes) return
  throw new StorageDriverError('no-space', 'the storage domain has not enough space left for the image')
}

export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return Math.max(0, bavail * bsize - spaceReserveBytes)
}
