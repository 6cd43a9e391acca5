import { checksum } from '../checksum.ts'
import { checkVirtualSize, invalid } from '../headers/header-checks.ts'
import { readQcow2Header } from '../headers/qcow2.ts'
import { checkHead, headBytes, type ImageFormat, recogniseFormat } from '../image-format.ts'
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

export interface FakeStorageOptions {
  /** Default 1 TiB, all of it free. */
  readonly capacityBytes?: number
}

/** The calls that `failNext` can make fail. */
export type FakeStorageOperation = keyof StorageDriver

/** A domain in memory; what only a test does to it is in `world`. */
export interface FakeStorage extends StorageDriver {
  readonly world: {
    /** The next `times` calls of `operation` reject with `error` and have no effect. */
    failNext(operation: FakeStorageOperation, error: Error, times?: number): void
    /** Uids of what takes up space: disks, images, and images that are deleted but still used. */
    readonly stored: readonly string[]
    /** Uids of disks that were wiped, also of those that are gone. */
    readonly wiped: ReadonlySet<string>
    /** How often bytes were fetched from a source. */
    readonly imports: number
  }
}

interface FakeDisk {
  readonly volume: Volume
  readonly imageUid: string | undefined
}

/** Disks and images that exist in memory only. Image bytes are really read, hashed and looked at. */
export function fakeStorage(options: FakeStorageOptions = {}): FakeStorage {
  return new InMemoryStorage(options)
}

class InMemoryStorage implements FakeStorage {
  readonly #capacityBytes: number
  readonly #disks = new Map<string, FakeDisk>()
  readonly #images = new Map<string, { readonly image: ImportedImage; removed: boolean }>()
  readonly #importing = new Map<string, Promise<ImportedImage>>()
  readonly #failures: { operation: FakeStorageOperation; error: Error; times: number }[] = []
  readonly #wiped = new Set<string>()
  #imports = 0
  readonly world: FakeStorage['world']

  constructor(options: FakeStorageOptions) {
    this.#capacityBytes = options.capacityBytes ?? 1024 ** 4
    const disks = this.#disks
    const images = this.#images
    const imports = () => this.#imports
    this.world = {
      failNext: (operation, error, times = 1) => void this.#failures.push({ operation, error, times }),
      get stored() {
        return [...disks.keys(), ...images.keys()]
      },
      wiped: this.#wiped,
      get imports() {
        return imports()
      },
    }
  }

  async attach(signal?: AbortSignal): Promise<DomainUsage> {
    this.#begin('attach', signal)
    return { capacityBytes: this.#capacityBytes, availableBytes: this.#capacityBytes }
  }

  async statVolume(key: VolumeKey, signal?: AbortSignal): Promise<Volume | undefined> {
    this.#begin('statVolume', signal)
    return this.#stat(key)
  }

  async createDisk(key: VolumeKey, spec: NewDisk, signal?: AbortSignal): Promise<Volume> {
    this.#begin('createDisk', signal)
    checkUid(key.uid)
    const existing = this.#stat(key)
    if (existing !== undefined) return existing
    const bytes = this.#sizeOf(spec)
    const volume = this.#volume(`disks/${key.uid}.${spec.format}`, spec.format, bytes)
    const overlay = spec.format === 'qcow2' && !spec.preallocate
    this.#disks.set(key.uid, { volume, imageUid: overlay ? spec.image?.uid : undefined })
    return volume
  }

  #sizeOf(spec: NewDisk): number {
    const image = spec.image && this.#stat(spec.image)
    if (spec.image !== undefined && image === undefined)
      throw new StorageDriverError('not-found', 'the image is not in the storage domain')
    const bytes = spec.capacityBytes ?? image?.capacityBytes
    if (bytes === undefined)
      throw new StorageDriverError('failed', 'a disk that is not made from an image needs a size')
    if (bytes < (image?.capacityBytes ?? 0))
      throw new StorageDriverError('too-small', `the disk would have ${bytes} bytes, too few for its image`)
    return bytes
  }

  async growDisk(key: VolumeKey, bytes: number, signal?: AbortSignal): Promise<Volume> {
    this.#begin('growDisk', signal)
    const disk = this.#disks.get(key.uid)
    if (disk === undefined)
      throw new StorageDriverError('not-found', `disk ${key.uid} is not in the storage domain`)
    const { path, format, capacityBytes } = disk.volume
    const volume = { ...this.#volume('', format, Math.max(bytes, capacityBytes)), path }
    this.#disks.set(key.uid, { ...disk, volume })
    return volume
  }

  async importImage(key: VolumeKey, source: ImageImport, signal?: AbortSignal): Promise<ImportedImage> {
    this.#begin('importImage', signal)
    checkUid(key.uid)
    const existing = this.#images.get(key.uid)
    if (existing !== undefined) {
      existing.removed = false
      return existing.image
    }
    const importing =
      this.#importing.get(key.uid) ??
      this.#import(key.uid, source, signal ?? new AbortController().signal).finally(() =>
        this.#importing.delete(key.uid),
      )
    this.#importing.set(key.uid, importing)
    return importing
  }

  /** There are no bytes to export. */
  async exportDisk(key: VolumeKey, signal?: AbortSignal): Promise<DiskExport> {
    this.#begin('exportDisk', signal)
    if (!this.#disks.has(key.uid))
      throw new StorageDriverError('not-found', `disk ${key.uid} is not in the storage domain`)
    throw new StorageDriverError('unavailable', 'disks in memory cannot be downloaded')
  }

  async wipeDisk(key: VolumeKey, signal?: AbortSignal): Promise<void> {
    this.#begin('wipeDisk', signal)
    if (this.#disks.has(key.uid)) this.#wiped.add(key.uid)
  }

  async removeExport(): Promise<void> {
    this.#begin('removeExport', undefined)
  }

  async removeVolume(key: VolumeKey, signal?: AbortSignal): Promise<void> {
    this.#begin('removeVolume', signal)
    if (key.kind === 'disk') this.#disks.delete(key.uid)
    const image = this.#images.get(key.uid)
    if (key.kind === 'image' && image !== undefined) image.removed = true
    const used = new Set([...this.#disks.values()].map(({ imageUid }) => imageUid))
    for (const [uid, { removed }] of this.#images) if (removed && !used.has(uid)) this.#images.delete(uid)
  }

  async #import(uid: string, source: ImageImport, signal: AbortSignal): Promise<ImportedImage> {
    this.#imports += 1
    const { body, totalBytes } = await source.open(signal)
    const sum = checksum(source.checksum)
    const head: Uint8Array[] = []
    let received = 0
    for await (const chunk of body) {
      signal.throwIfAborted()
      sum.update(chunk)
      if (received < headBytes) head.push(chunk)
      received += chunk.length
      if (totalBytes !== undefined) source.onProgress(Math.min(99, Math.floor((received / totalBytes) * 100)))
    }
    const digest = sum.verify()
    if (received === 0) throw invalid('the image is empty')
    const start = Buffer.concat(head)
    const sourceFormat = recogniseFormat(start, source.format)
    checkHead({ head: start, fileBytes: received }, sourceFormat)
    const bytes = virtualBytes(start, sourceFormat, received)
    checkVirtualSize(bytes)
    const image = { ...this.#volume(`images/${uid}.qcow2`, 'qcow2', bytes), digest, sourceFormat }
    this.#images.set(uid, { image, removed: false })
    return image
  }

  #stat(key: VolumeKey): Volume | undefined {
    if (key.kind === 'disk') return this.#disks.get(key.uid)?.volume
    const held = this.#images.get(key.uid)
    if (held === undefined || held.removed) return undefined
    const { path, format, capacityBytes, allocatedBytes } = held.image
    return { path, format, capacityBytes, allocatedBytes }
  }

  #volume(path: string, format: 'qcow2' | 'raw', bytes: number): Volume {
    const capacityBytes = Math.ceil(bytes / 512) * 512
    return { path: `/fake/${path}`, format, capacityBytes, allocatedBytes: format === 'raw' ? 0 : 196_608 }
  }

  #begin(operation: FakeStorageOperation, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    const failure = this.#failures.find(
      (candidate) => candidate.operation === operation && candidate.times > 0,
    )
    if (failure === undefined) return
    failure.times -= 1
    throw failure.error
  }
}

function checkUid(uid: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(uid))
    throw new StorageDriverError('failed', 'the uid of a volume has characters that no uid has')
}

/** What the header says; the fake never looks further, so damage beyond it passes. */
function virtualBytes(head: Buffer, format: ImageFormat, received: number): number {
  if (format === 'qcow2') return Number(readQcow2Header(head).virtualBytes)
  if (format === 'vmdk') return Number(head.readBigUInt64LE(12)) * 512
  if (format === 'vdi') return Number(head.readBigUInt64LE(0x170))
  return received
}
