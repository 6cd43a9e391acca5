import type { ImageImport } from './storage-driver.ts'
import { StorageDriverError } from './storage-driver.ts'

export type ImageFormat = NonNullable<ImageImport['format']>

/** Bytes of an image's beginning that recognition and header checks look at; shorter images are read whole. */
export const headBytes = 64 * 1024

/** Beyond this a virtual size is a mistake or an attack. */
export const maxVirtualBytes = 64 * 1024 ** 4

interface Magic {
  readonly offset: number
  readonly bytes: Buffer
  readonly name: string
  readonly format?: ImageFormat
}

const ascii = (text: string) => Buffer.from(text, 'latin1')

const magics: readonly Magic[] = [
  { offset: 0, bytes: ascii('QFI\xfb'), name: 'qcow2', format: 'qcow2' },
  { offset: 0, bytes: ascii('KDMV'), name: 'vmdk', format: 'vmdk' },
  { offset: 0x40, bytes: ascii('\x7f\x10\xda\xbe'), name: 'vdi', format: 'vdi' },
  { offset: 0, bytes: ascii('COWD'), name: 'an old VMware sparse disk' },
  { offset: 0, bytes: ascii('# Disk DescriptorFile'), name: 'a vmdk descriptor without its data' },
  { offset: 0, bytes: ascii('conectix'), name: 'vhd' },
  { offset: 0, bytes: ascii('vhdxfile'), name: 'vhdx' },
  { offset: 0, bytes: ascii('QED\0'), name: 'qed' },
  { offset: 0, bytes: ascii('LUKS\xba\xbe'), name: 'a LUKS container' },
  { offset: 0, bytes: ascii('WithoutFreeSpace'), name: 'parallels' },
  { offset: 0, bytes: ascii('WithouFreSpacExt'), name: 'parallels' },
  { offset: 0, bytes: ascii('Bochs Virtual HD Image'), name: 'bochs' },
  { offset: 0, bytes: ascii('OOOM'), name: 'cow' },
  { offset: 0, bytes: ascii('\x1f\x8b'), name: 'gzip-compressed' },
  { offset: 0, bytes: ascii('\xfd7zXZ\0'), name: 'xz-compressed' },
  { offset: 0, bytes: ascii('\x28\xb5\x2f\xfd'), name: 'zstd-compressed' },
  { offset: 0, bytes: ascii('BZh'), name: 'bzip2-compressed' },
  { offset: 0, bytes: ascii('PK\x03\x04'), name: 'a zip archive' },
]

/**
 * The format to read an image as. A declared format must be what the first bytes show, except `raw`, which may be
 * anything because raw bytes are never interpreted. Without a declaration only a known magic or none at all will do.
 * Throws an `invalid-image` StorageDriverError.
 */
export function recogniseFormat(head: Buffer, declared: ImageFormat | undefined): ImageFormat {
  if (declared === 'raw') return 'raw'
  const magic = magics.find(({ offset, bytes }) => head.subarray(offset, offset + bytes.length).equals(bytes))
  if (declared !== undefined) {
    if (magic?.format === declared) return declared
    throw invalid(`format says ${declared}, but the image is ${magic?.name ?? 'raw or of an unknown format'}`)
  }
  if (magic === undefined) return 'raw'
  if (magic.format !== undefined) return magic.format
  throw invalid(
    `the image is ${magic.name}: unpack or convert it first, or set format to raw if its bytes are the disk`,
  )
}

// Incompatible feature bits of qcow2 version 3. Those that qemu-img handles without opening another file are allowed.
const dirtyBit = 1n << 0n
const corruptBit = 1n << 1n
const externalDataBit = 1n << 2n
const compressionBit = 1n << 3n
const extendedL2Bit = 1n << 4n
const knownBits = dirtyBit | corruptBit | externalDataBit | compressionBit | extendedL2Bit

export interface Qcow2Header {
  readonly version: number
  readonly virtualBytes: bigint
  /** Where the name of the backing file is in the file; 0 for none. */
  readonly backingOffset: bigint
  readonly backingLength: number
  readonly encrypted: boolean
  readonly incompatibleFeatures: bigint
}

/** Reads the fixed part of a qcow2 header. Throws an `invalid-image` StorageDriverError when it is cut short. */
export function readQcow2Header(head: Buffer): Qcow2Header {
  if (head.length < 72) throw invalid('the qcow2 header is cut short')
  const version = head.readUInt32BE(4)
  if (version === 3 && head.length < 104) throw invalid('the qcow2 header is cut short')
  return {
    version,
    backingOffset: head.readBigUInt64BE(8),
    backingLength: head.readUInt32BE(16),
    virtualBytes: head.readBigUInt64BE(24),
    encrypted: head.readUInt32BE(32) !== 0,
    incompatibleFeatures: version === 3 ? head.readBigUInt64BE(72) : 0n,
  }
}

/**
 * Refuses what could make a reader of the image open another file or take the host's memory, before any program
 * but this one has looked at it. Throws an `invalid-image` StorageDriverError.
 */
export function checkHead(head: Buffer, format: ImageFormat): void {
  if (format === 'qcow2') checkQcow2(readQcow2Header(head))
  if (format === 'vmdk') checkVmdk(head)
}

function checkQcow2(header: Qcow2Header): void {
  const { version, incompatibleFeatures: features } = header
  if (version !== 2 && version !== 3) throw invalid(`qcow2 version ${version} is not known`)
  if (header.backingOffset !== 0n || header.backingLength !== 0)
    throw invalid('the image has a backing file: flatten it first, for example with qemu-img convert')
  if (header.encrypted) throw invalid('the image is encrypted')
  if ((features & externalDataBit) !== 0n)
    throw invalid('the image keeps its data in another file: convert it to a single file first')
  if ((features & corruptBit) !== 0n) throw invalid('the image is marked as corrupt')
  if ((features & ~knownBits) !== 0n) throw invalid('the image uses qcow2 features that are not known')
  checkVirtualSize(header.virtualBytes)
}

function checkVmdk(head: Buffer): void {
  if (head.length < 512) throw invalid('the vmdk header is cut short')
  const capacitySectors = head.readBigUInt64LE(12)
  // With no capacity of its own the header is a pointer to a list of other files.
  if (capacitySectors === 0n) throw invalid('the vmdk spreads over several files: convert it to one first')
  checkVirtualSize(capacitySectors * 512n)
}

/** Throws an `invalid-image` StorageDriverError for an empty disk or one beyond `maxVirtualBytes`. */
export function checkVirtualSize(bytes: bigint | number): void {
  if (bytes <= 0) throw invalid('the image has no content')
  if (bytes > maxVirtualBytes) {
    throw invalid(`the image says that its disk has ${bytes} bytes; at most ${maxVirtualBytes} are allowed`)
  }
}

export function invalid(message: string, options?: ErrorOptions): StorageDriverError {
  return new StorageDriverError('invalid-image', message, options)
}
