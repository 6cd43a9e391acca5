import { chmod, open, stat, statfs } from 'node:fs/promises'
import { checksum } from '../checksum.ts'
import { invalid } from '../headers/header-checks.ts'
import { checkHead, headBytes, type ImageFormat, recogniseFormat } from '../image-format.ts'
import { type ImageImport, StorageDriverError } from '../storage-driver.ts'
import { append, publish, readPart, removeFiles } from './files.ts'
import { writeImageFacts } from './image-facts.ts'
import type { QemuImg } from './qemu-img.ts'
import type { ImagePaths } from './volume-layout.ts'

// Left for the host and for the disks that machines are writing to.
const spaceReserveBytes = 64 * 1024 ** 2
// How much arrives between two looks at the free space.
const spaceCheckBytes = 64 * 1024 ** 2

/**
 * Takes an image from its source to its place: receive and hash, compare the checksum, look at the bytes as untrusted
 * input, convert, publish. Whatever fails, nothing is left behind.
 */
export async function importImageFile(
  paths: ImagePaths,
  source: ImageImport,
  qemuImg: QemuImg,
  signal: AbortSignal,
): Promise<void> {
  try {
    const digest = await receive(paths.source, source, signal)
    const sourceFormat = await inspect(paths.source, source.format, qemuImg, signal)
    // Before writing: a small file can unfold into a disk that fills the domain.
    await requireSpace(paths.source, await qemuImg.measure(paths.source, sourceFormat, signal))
    const maxFileBytes = await freeBytes(paths.source)
    const job = { from: paths.source, fromFormat: sourceFormat, to: paths.partial, maxFileBytes }
    await qemuImg.convert({ ...job, toFormat: 'qcow2', preallocate: false }, signal)
    await chmod(paths.partial, 0o600)
    await writeImageFacts(paths.facts, { digest, sourceFormat })
    await publish(paths.partial, paths.path)
  } finally {
    await removeFiles(paths.source, paths.partial)
  }
}

async function receive(path: string, source: ImageImport, signal: AbortSignal): Promise<string> {
  const { body, totalBytes } = await source.open(signal)
  const file = await open(path, 'w', 0o600)
  try {
    await requireSpace(path, totalBytes ?? 0)
    const sum = checksum(source.checksum)
    let received = 0
    let checkedAt = 0
    for await (const chunk of body) {
      signal.throwIfAborted()
      sum.update(chunk)
      await append(file, chunk)
      received += chunk.length
      if (received - checkedAt >= spaceCheckBytes) {
        await requireSpace(path, 0)
        checkedAt = received
      }
      if (totalBytes !== undefined && totalBytes > 0)
        source.onProgress(Math.min(99, Math.floor((received / totalBytes) * 100)))
    }
    return sum.verify()
  } finally {
    await file.close()
  }
}

async function requireSpace(path: string, bytes: number): Promise<void> {
  if ((await freeBytes(path)) >= bytes) return
  throw new StorageDriverError('no-space', 'the storage domain has not enough space left for the image')
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return Math.max(0, bavail * bsize - spaceReserveBytes)
}

async function inspect(
  path: string,
  declared: ImageFormat | undefined,
  qemuImg: QemuImg,
  signal: AbortSignal,
): Promise<ImageFormat> {
  const head = await readPart(path, 0, headBytes)
  if (head.length === 0) throw invalid('the image is empty')
  const format = recogniseFormat(head, declared)
  checkHead({ head, fileBytes: (await stat(path)).size }, format)
  await qemuImg.inspect(path, format, signal)
  return format
}
