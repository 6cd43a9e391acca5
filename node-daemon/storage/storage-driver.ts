/**
 * The port to one storage domain on this host, one implementation per domain type. Calls may be repeated and resumed
 * after a crash: whatever is under construction has a name of its own and becomes visible by one rename.
 * Failures are `StorageDriverError`s.
 */
export interface StorageDriver {
  /** Makes the domain usable on this host and measures it. */
  attach(signal?: AbortSignal): Promise<DomainUsage>

  /** What is there under this key; undefined when nothing (complete) is. */
  statVolume(key: VolumeKey, signal?: AbortSignal): Promise<Volume | undefined>

  /** A blank disk, or one that starts as a copy of the image in the same domain. */
  createDisk(key: VolumeKey, spec: NewDisk, signal?: AbortSignal): Promise<Volume>

  /** Grows a disk that no machine has open; never shrinks. */
  growDisk(key: VolumeKey, bytes: number, signal?: AbortSignal): Promise<Volume>

  /**
   * Imports an image: `open` is called for the bytes; they are hashed, checked, inspected as untrusted input
   * and converted to the domain's format. On failure nothing is left behind.
   */
  importImage(key: VolumeKey, source: ImageImport, signal?: AbortSignal): Promise<ImportedImage>

  /**
   * The disk as one qcow2 file that needs no other, for a client to take away; the one that is still there when the
   * disk has not changed since. No machine may have the disk open. It stays until it is removed, at most a day.
   */
  exportDisk(key: VolumeKey, signal?: AbortSignal): Promise<DiskExport>

  /** Nothing there is no error. */
  removeExport(key: VolumeKey): Promise<void>

  /** Overwrites what a disk holds with zeros; it is of no use afterwards. Nothing there is no error. */
  wipeDisk(key: VolumeKey, signal?: AbortSignal): Promise<void>

  /** Removes the volume and whatever a crash left of its making. Nothing there is no error. */
  removeVolume(key: VolumeKey, signal?: AbortSignal): Promise<void>
}

/** `uid` of the Disk or Image: unique for all time, safe in paths. */
export interface VolumeKey {
  readonly kind: 'disk' | 'image'
  readonly uid: string
}

export interface Volume {
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly capacityBytes: number
  readonly allocatedBytes: number
}

export interface DiskExport {
  readonly path: string
  readonly bytes: number
  /** Another one once the bytes are. */
  readonly version: string
}

export interface NewDisk {
  readonly format: 'qcow2' | 'raw'
  /** Undefined: that of the image. */
  readonly capacityBytes: number | undefined
  readonly preallocate: boolean
  readonly image: VolumeKey | undefined
}

export interface ImageImport {
  readonly format: 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'iso' | undefined
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly checksum: string | undefined
  /** How the bytes are packed. Undefined: their beginning tells. */
  readonly compression?: 'none' | 'gzip' | 'xz' | 'zstd' | undefined
  /** The bytes, or those from `from` on when the source can do that and is the same as it was. */
  open(signal: AbortSignal, from?: ResumePoint): Promise<OpenedImage>
  onProgress(percent: number): void
}

/** Up to where an earlier try got, and of what. */
export interface ResumePoint {
  readonly offset: number
  readonly version: string
}

export interface OpenedImage {
  readonly body: AsyncIterable<Uint8Array>
  /** Of the whole source, when it says. */
  readonly totalBytes: number | undefined
  /** Where `body` begins: 0, or where it was asked to. Left out, 0. */
  readonly offset?: number
  /** Identifies the content, for going on after a break. Left out, the source cannot do that. */
  readonly version?: string | undefined
}

export interface ImportedImage extends Volume {
  /** What the source's bytes hash to, with the algorithm of the checksum, or sha256. */
  readonly digest: string
  readonly sourceFormat: 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'iso'
}

export interface DomainUsage {
  readonly capacityBytes: number
  readonly availableBytes: number
}

export class StorageDriverError extends Error {
  override readonly name = 'StorageDriverError'
  readonly code:
    | 'source-unreachable'
    | 'checksum-mismatch'
    | 'invalid-image'
    | 'too-small'
    | 'no-space'
    | 'not-found'
    | 'unavailable'
    | 'failed'

  constructor(code: StorageDriverError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
