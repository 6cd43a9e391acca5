import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import type { Compression } from '../compression.ts'
import { invalid } from '../headers/header-checks.ts'
import { StorageDriverError } from '../storage-driver.ts'
import { requireSpace } from './receive-image.ts'

/** A packed image may unfold to this much: zeros take no space, but they take time. */
export const maxUnpackedBytes = 1024 ** 4
const checkEveryBytes = 64 * 1024 ** 2
const blockBytes = 64 * 1024
const xzMemoryBytes = 256 * 1024 ** 2
const xzCpuSeconds = 6 * 3600

export interface UnpackJob {
  readonly from: string
  readonly to: string
  readonly compression: Compression
  /** Default `maxUnpackedBytes`. */
  readonly maxBytes?: number
}

/**
 * Unpacks a file into another one with holes for zeros, in constant memory. Throws an `invalid-image`
 * StorageDriverError for what does not unpack or does not end, and `no-space` before the domain is full.
 */
export async function unpackImage(job: UnpackJob, signal: AbortSignal): Promise<void> {
  const file = await open(job.to, 'w', 0o600)
  try {
    const into = (chunks: AsyncIterable<Buffer>) => writeSparse(file, chunks, job)
    if (job.compression === 'xz') await unpackXz(job, into, signal)
    else await pipeline(createReadStream(job.from), unpacker(job.compression), into, { signal })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof StorageDriverError || (error instanceof Error && 'syscall' in error)) throw error
    throw invalid(`the image is ${job.compression}-compressed, and it is damaged or was cut short`, {
      cause: error,
    })
  } finally {
    await file.close()
  }
}

function unpacker(compression: Exclude<Compression, 'xz'>) {
  if (compression === 'gzip') return createGunzip()
  // The window is memory that the packed bytes ask for.
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 27 } })
}

async function unpackXz(
  { from }: UnpackJob,
  into: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const limits = [`--as=${xzMemoryBytes * 2}`, `--cpu=${xzCpuSeconds}`, '--core=0', '--']
  const xz = ['xz', '--decompress', '--stdout', '--threads=1', `--memlimit-decompress=${xzMemoryBytes}`]
  const child = spawn('prlimit', [...limits, ...xz], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    signal,
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new StorageDriverError('unavailable', 'xz or prlimit is not installed', { cause: error })),
    )
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`xz ended with ${code}`))))
  })
  ended.catch(() => {})
  const { stdin, stdout } = child
  // It ends before its input does where the input is damaged.
  const fed = pipeline(createReadStream(from), stdin).catch(() => {})
  try {
    await into(Readable.from(stdout) as AsyncIterable<Buffer>)
    await Promise.all([fed, ended])
  } finally {
    child.kill('SIGKILL')
  }
}

async function writeSparse(file: FileHandle, chunks: AsyncIterable<Buffer>, job: UnpackJob): Promise<void> {
  const { maxBytes = maxUnpackedBytes } = job
  let at = 0
  let checkedAt = 0
  for await (const chunk of chunks) {
    if (at + chunk.length > maxBytes)
      throw invalid(`the image unpacks to more than ${maxBytes} bytes: unpack it first`)
    for (let from = 0; from < chunk.length; from += blockBytes) {
      const block = chunk.subarray(from, from + blockBytes)
      if (!isZero(block)) await writeAt(file, block, at + from)
    }
    at += chunk.length
    if (at - checkedAt >= checkEveryBytes) {
      await requireSpace(job.to, 0)
      checkedAt = at
    }
  }
  await file.truncate(at)
}

const zeros = Buffer.alloc(blockBytes)

function isZero(block: Buffer): boolean {
  return block.equals(zeros.subarray(0, block.length))
}

async function writeAt(file: FileHandle, block: Buffer, position: number): Promise<void> {
  let done = 0
  while (done < block.length)
    done += (await file.write(block, done, block.length - done, position + done)).bytesWritten
}
