import { chmod, stat } from 'node:fs/promises'
import { compressionOf } from '../compression.ts'
import { invalid } from '../headers/header-checks.ts'
import { checkHead, headBytes, type ImageFormat, recogniseFormat } from '../image-format.ts'
import type { ImageImport } from '../storage-driver.ts'
import { publish, readPart, removeFiles } from './files.ts'
import { writeImageFacts } from './image-facts.ts'
import type { QemuImg } from './qemu-img.ts'
import { freeBytes, receiveImage, requireSpace } from './receive-image.ts'
import { unpackImage } from './unpack-image.ts'
import type { ImagePaths } from './volume-layout.ts'

/**
 * Takes an image from its source to its place: receive and hash, compare the checksum, unpack, look at the bytes as
 * untrusted input, convert, publish. Whatever fails, nothing is left behind but what a download can go on from.
 */
export async function importImageFile(
  paths: ImagePaths,
  source: ImageImport,
  qemuImg: QemuImg,
  signal: AbortSignal,
): Promise<void> {
  const digest = await receiveImage(paths, source, signal)
  try {
    const path = await unpacked(paths, source, signal)
    const sourceFormat = await inspect(path, source.format, qemuImg, signal)
    // Before writing: a small file can unfold into a disk that fills the domain.
    await requireSpace(path, await qemuImg.measure(path, sourceFormat, signal))
    const maxFileBytes = await freeBytes(path)
    const job = { from: path, fromFormat: sourceFormat, to: paths.partial, maxFileBytes }
    await qemuImg.convert({ ...job, toFormat: 'qcow2', preallocate: false }, signal)
    await chmod(paths.partial, 0o600)
    await writeImageFacts(paths.facts, { digest, sourceFormat })
    await publish(paths.partial, paths.path)
  } finally {
    await removeFiles(paths.source, paths.sourceState, paths.unpacked, paths.partial)
  }
}

/** The file that the image itself is in. */
async function unpacked(paths: ImagePaths, source: ImageImport, signal: AbortSignal): Promise<string> {
  const compression = compressionOf(await readPart(paths.source, 0, 16), source)
  if (compression === undefined) return paths.source
  await unpackImage({ from: paths.source, to: paths.unpacked, compression }, signal)
  await removeFiles(paths.source)
  return paths.unpacked
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
