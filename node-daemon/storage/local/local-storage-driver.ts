import { chmod, mkdir, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readQcow2Header } from '../headers/qcow2.ts'
import {
  type DiskExport,
  type DomainUsage,
  type ImageImport,
  type ImportedImage,
  type NewDisk,
  type StorageDriver,
  StorageDriverError,
  type Volume,
  type VolumeKey,
} from '../storage-driver.ts'
import { isMissing, listIfThere, publish, readPart, removeFiles, statIfThere } from './files.ts'
import { exportDiskFile, removeOldExports } from './export-disk.ts'
import { readImageFacts } from './image-facts.ts'
import { importImageFile } from './image-importer.ts'
import { KeyedMutex } from './keyed-mutex.ts'
import { type QemuImg, qemuImg } from './qemu-img.ts'
import { wipeFile } from './wipe-file.ts'
import { describeKey, type VolumeLayout, volumeLayout } from './volume-layout.ts'

// Others may pass through, so that the user that QEMU runs as reaches its own disks, but not look around.
const directoryMode = 0o711
const sectorBytes = 512

export interface LocalStorageDriverOptions {
  /** Absolute; made when missing. */
  readonly directory: string
  readonly qemuImg?: QemuImg
}

/**
 * A domain in a directory of the host. A disk from an image is a qcow2 overlay on the image's file, so that making it
 * takes no time and fifty machines share one copy; the bytes of a deleted image stay until the last overlay is gone.
 */
export class LocalStorageDriver implements StorageDriver {
  readonly #directory: string
  readonly #layout: VolumeLayout
  readonly #qemuImg: QemuImg
  readonly #locks = new KeyedMutex()

  constructor(options: LocalStorageDriverOptions) {
    this.#directory = options.directory
    this.#layout = volumeLayout(options.directory)
    this.#qemuImg = options.qemuImg ?? qemuImg()
  }

  attach(): Promise<DomainUsage> {
    return translated(async () => {
      for (const directory of [this.#directory, this.#layout.imagesDirectory, this.#layout.disksDirectory]) {
        const made = await mkdir(directory, { recursive: true })
        if (made !== undefined) await openToPassers(directory, made)
      }
      await removeOldExports(this.#layout.disksDirectory)
      const { blocks, bavail, bsize } = await statfs(this.#directory)
      return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize }
    })
  }

  statVolume(key: VolumeKey): Promise<Volume | undefined> {
    return translated(() => this.#stat(key))
  }

  createDisk(key: VolumeKey, spec: NewDisk, signal?: AbortSignal): Promise<Volume> {
    return this.#exclusive(key, async () => {
      const existing = await this.#stat(key)
      if (existing !== undefined) return existing
      const { path, partial } = this.#layout.disk(key.uid, spec.format)
      try {
        if (spec.image === undefined) await this.#createBlank(partial, spec, signal)
        else await this.#createFromImage(partial, spec, spec.image, signal)
        await chmod(partial, 0o600)
        if (spec.image !== undefined) await this.#requireImage(spec.image)
        await publish(partial, path)
      } finally {
        await removeFiles(partial)
      }
      return this.#mustStat(key)
    })
  }

  growDisk(key: VolumeKey, bytes: number, signal?: AbortSignal): Promise<Volume> {
    return this.#exclusive(key, async () => {
      const disk = await this.#mustStat(key)
      if (disk.capacityBytes >= bytes) return disk
      await this.#qemuImg.resize(disk.path, disk.format, wholeSectors(bytes), signal)
      return this.#mustStat(key)
    })
  }

  importImage(key: VolumeKey, source: ImageImport, signal?: AbortSignal): Promise<ImportedImage> {
    return this.#exclusive(key, async () => {
      const paths = this.#layout.image(key.uid)
      // An image that was deleted while disks still use it can come back.
      await removeFiles(paths.removed)
      const existing = await this.#statImported(key)
      if (existing !== undefined) return existing
      await importImageFile(paths, source, this.#qemuImg, signal ?? new AbortController().signal)
      const imported = await this.#statImported(key)
      if (imported === undefined)
        throw new StorageDriverError('failed', `${describeKey(key)} vanished while it was imported`)
      return imported
    })
  }

  exportDisk(key: VolumeKey, signal?: AbortSignal): Promise<DiskExport> {
    return this.#exclusive(key, async () => {
      const disk = await this.#mustStat(key)
      return exportDiskFile(disk, this.#layout.diskExport(key.uid), this.#qemuImg, signal)
    })
  }

  wipeDisk(key: VolumeKey, signal?: AbortSignal): Promise<void> {
    return this.#exclusive(key, async () => {
      const copy = this.#layout.diskExport(key.uid)
      const disks = (['qcow2', 'raw'] as const).map((format) => this.#layout.disk(key.uid, format))
      for (const { path, partial } of [...disks, copy])
        for (const file of [path, partial]) await wipeFile(file, signal)
    })
  }

  removeExport(key: VolumeKey): Promise<void> {
    return this.#exclusive(key, () => {
      const { path, partial } = this.#layout.diskExport(key.uid)
      return removeFiles(path, partial)
    })
  }

  removeVolume(key: VolumeKey): Promise<void> {
    return this.#exclusive(key, () =>
      key.kind === 'image' ? this.#removeImage(key.uid) : this.#removeDisk(key.uid),
    )
  }

  async #createBlank(partial: string, spec: NewDisk, signal?: AbortSignal): Promise<void> {
    if (spec.capacityBytes === undefined)
      throw new StorageDriverError('failed', 'a disk that is not made from an image needs a size')
    const bytes = wholeSectors(spec.capacityBytes)
    if (spec.preallocate) await this.#requireSpace(bytes)
    await this.#qemuImg.create(
      { path: partial, format: spec.format, bytes, preallocate: spec.preallocate },
      signal,
    )
  }

  async #createFromImage(partial: string, spec: NewDisk, imageKey: VolumeKey, signal?: AbortSignal) {
    const image = await this.#requireImage(imageKey)
    const bytes = wholeSectors(spec.capacityBytes ?? image.capacityBytes)
    if (bytes < image.capacityBytes) {
      throw new StorageDriverError(
        'too-small',
        `the disk would have ${bytes} bytes, but its image needs ${image.capacityBytes}`,
      )
    }
    if (spec.preallocate) await this.#requireSpace(bytes)
    if (spec.format === 'qcow2' && !spec.preallocate) {
      const backing = join('..', 'images', basename(image.path))
      await this.#qemuImg.create(
        { path: partial, format: 'qcow2', bytes, preallocate: false, backing },
        signal,
      )
      return
    }
    const { preallocate, format: toFormat } = spec
    const maxFileBytes = Math.max(bytes * 2, sectorBytes)
    await this.#qemuImg.convert(
      { from: image.path, fromFormat: 'qcow2', to: partial, toFormat, preallocate, maxFileBytes },
      signal,
    )
    if (bytes > image.capacityBytes) await this.#qemuImg.resize(partial, toFormat, bytes, signal)
  }

  async #requireImage(key: VolumeKey): Promise<Volume> {
    const image = await this.#stat(key)
    if (image === undefined)
      throw new StorageDriverError('not-found', 'the image is not in the storage domain')
    return image
  }

  async #requireSpace(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#directory)
    if (bavail * bsize < bytes)
      throw new StorageDriverError('no-space', 'the storage domain has not enough space left for the disk')
  }

  async #stat(key: VolumeKey): Promise<Volume | undefined> {
    if (key.kind === 'image') {
      const { path, removed } = this.#layout.image(key.uid)
      return (await statIfThere(removed)) === undefined ? statFile(path, 'qcow2') : undefined
    }
    return (
      (await statFile(this.#layout.disk(key.uid, 'qcow2').path, 'qcow2')) ??
      (await statFile(this.#layout.disk(key.uid, 'raw').path, 'raw'))
    )
  }

  async #mustStat(key: VolumeKey): Promise<Volume> {
    const volume = await this.#stat(key)
    if (volume === undefined)
      throw new StorageDriverError('not-found', `${describeKey(key)} is not in the storage domain`)
    return volume
  }

  async #statImported(key: VolumeKey): Promise<ImportedImage | undefined> {
    const volume = await this.#stat(key)
    const facts = volume && (await readImageFacts(this.#layout.image(key.uid).facts))
    return volume && facts && { ...volume, ...facts }
  }

  async #removeDisk(uid: string): Promise<void> {
    const copy = this.#layout.diskExport(uid)
    await removeFiles(copy.path, copy.partial)
    const images = new Set<string>()
    for (const format of ['qcow2', 'raw'] as const) {
      const { path, partial } = this.#layout.disk(uid, format)
      for (const file of [path, partial]) {
        const image = format === 'qcow2' ? await backingImage(file) : undefined
        if (image !== undefined) images.add(image)
        await removeFiles(file)
      }
    }
    for (const image of images) {
      await this.#locks.run(`image/${image}`, async () => {
        if ((await statIfThere(this.#layout.image(image).removed)) !== undefined) await this.#dropImage(image)
      })
    }
  }

  async #removeImage(uid: string): Promise<void> {
    const paths = this.#layout.image(uid)
    await removeFiles(paths.source, paths.sourceState, paths.unpacked, paths.partial)
    if ((await statIfThere(paths.path)) === undefined) return removeFiles(paths.facts, paths.removed)
    // Marked before looking for overlays: whoever makes one looks at the mark after making it, so one of us sees the other.
    await writeFile(paths.removed, '', { mode: 0o600, flush: true })
    await this.#dropImage(uid)
  }

  /** Removes the bytes of an image that is marked as removed, unless a disk still lies over them. */
  async #dropImage(uid: string): Promise<void> {
    for (const name of await listIfThere(this.#layout.disksDirectory)) {
      if (!/\.qcow2(\.partial)?$/.test(name)) continue
      if ((await backingImage(join(this.#layout.disksDirectory, name))) === uid) return
    }
    const paths = this.#layout.image(uid)
    await removeFiles(paths.path, paths.facts, paths.removed)
  }

  #exclusive<T>(key: VolumeKey, work: () => Promise<T>): Promise<T> {
    return translated(() => this.#locks.run(`${key.kind}/${key.uid}`, work))
  }
}

/** A qcow2 file's own header says its size, also while a machine has it open. */
async function statFile(path: string, format: 'qcow2' | 'raw'): Promise<Volume | undefined> {
  const file = await statIfThere(path)
  if (file === undefined) return undefined
  const capacityBytes =
    format === 'raw' ? file.size : Number(readQcow2Header(await readPart(path, 0, 104)).virtualBytes)
  return { path, format, capacityBytes, allocatedBytes: file.blocks * sectorBytes }
}

/** The uid of the image that a disk of ours lies over. Only the name is read: the header was written by qemu-img. */
async function backingImage(path: string): Promise<string | undefined> {
  try {
    const head = await readPart(path, 0, 104)
    if (head.length < 104) return undefined
    const { backingOffset, backingLength } = readQcow2Header(head)
    if (backingOffset === 0n || backingLength === 0 || backingLength > 1023) return undefined
    const name = await readPart(path, Number(backingOffset), backingLength)
    return basename(name.toString('utf8'), '.qcow2')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Whatever the umask was, for a directory of ours and those above it that were made with it. */
async function openToPassers(directory: string, topmost: string): Promise<void> {
  for (let path = directory; path.length >= topmost.length; path = dirname(path))
    await chmod(path, directoryMode)
}

function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / sectorBytes) * sectorBytes
}

const codesOfErrno: Partial<Record<string, StorageDriverError['code']>> = {
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EFBIG: 'no-space',
  EROFS: 'unavailable',
  EIO: 'unavailable',
  EACCES: 'unavailable',
  EPERM: 'unavailable',
  ENOTDIR: 'unavailable',
  ESTALE: 'unavailable',
}

const sentences: Partial<Record<StorageDriverError['code'], string>> = {
  'no-space': 'the storage domain has no space left',
  unavailable: "the storage domain's directory cannot be used",
}

/** File system errors become the port's; everything else passes. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    const code = codesOfErrno[String(error.code)] ?? 'failed'
    const sentence = sentences[code] ?? 'the storage domain failed'
    throw new StorageDriverError(code, `${sentence} (${String(error.code)})`, { cause: error })
  }
}
