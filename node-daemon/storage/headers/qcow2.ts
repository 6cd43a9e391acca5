import { checkVirtualSize, type ImageHead, invalid } from './header-checks.ts'

// Incompatible feature bits of qcow2 version 3. Those that qemu-img handles without opening another file are allowed.
const dirtyBit = 1n << 0n
const corruptBit = 1n << 1n
const externalDataBit = 1n << 2n
const compressionBit = 1n << 3n
const extendedL2Bit = 1n << 4n
const knownBits = dirtyBit | corruptBit | externalDataBit | compressionBit | extendedL2Bit

// Header extensions that name another file or a key.
const dataFileExtension = 0x44415441
const encryptionExtension = 0x0537be77

// The largest tables that QEMU itself reads into memory.
const maxL1Bytes = 32 * 1024 ** 2
const maxRefcountTableBytes = 8 * 1024 ** 2

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

/** Refuses a header that reaches beyond its file in any sense: to other files, past its end, past all measure. */
export function checkQcow2({ head, fileBytes }: ImageHead): void {
  const header = readQcow2Header(head)
  checkFeatures(header)
  checkVirtualSize(header.virtualBytes)
  checkTables(head, header.version, BigInt(fileBytes))
  checkExtensions(head, header.version)
}

function checkFeatures({ version, incompatibleFeatures: features, ...header }: Qcow2Header): void {
  if (version !== 2 && version !== 3) throw invalid(`qcow2 version ${version} is not known`)
  if (header.backingOffset !== 0n || header.backingLength !== 0)
    throw invalid('the image has a backing file: flatten it first, for example with qemu-img convert')
  if (header.encrypted) throw invalid('the image is encrypted')
  if ((features & externalDataBit) !== 0n)
    throw invalid('the image keeps its data in another file: convert it to a single file first')
  if ((features & corruptBit) !== 0n) throw invalid('the image is marked as corrupt')
  if ((features & ~knownBits) !== 0n) throw invalid('the image uses qcow2 features that are not known')
}

function checkTables(head: Buffer, version: number, fileBytes: bigint): void {
  const clusterBits = head.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21)
    throw invalid(`the image has clusters of 2^${clusterBits} bytes, which no qcow2 has`)
  const clusterBytes = 1n << BigInt(clusterBits)
  if (version === 3) {
    const headerBytes = head.readUInt32BE(100)
    if (headerBytes < 104 || BigInt(headerBytes) > clusterBytes)
      throw invalid(`the image says that its qcow2 header has ${headerBytes} bytes`)
    if (head.readUInt32BE(96) > 6) throw invalid('the image has reference counts that no qcow2 has')
  }
  if (head.readUInt32BE(60) !== 0)
    throw invalid('the image has snapshots inside: remove them first, for example with qemu-img convert')
  const check = (name: string, offset: bigint, bytes: bigint, most: number) => {
    if (bytes > most) throw invalid(`the image has ${name} of ${bytes} bytes, which is too large`)
    if (offset % clusterBytes !== 0n || offset + bytes > fileBytes)
      throw invalid(`the image has ${name} outside of itself: it is damaged or was cut short`)
  }
  check('a level-1 table', head.readBigUInt64BE(40), BigInt(head.readUInt32BE(36)) * 8n, maxL1Bytes)
  const refcountBytes = BigInt(head.readUInt32BE(56)) * clusterBytes
  check('a reference table', head.readBigUInt64BE(48), refcountBytes, maxRefcountTableBytes)
}

function checkExtensions(head: Buffer, version: number): void {
  const clusterBytes = 1 << head.readUInt32BE(20)
  const end = Math.min(head.length, clusterBytes)
  let at = version === 3 ? head.readUInt32BE(100) : 72
  for (;;) {
    if (at + 8 > end) return
    const type = head.readUInt32BE(at)
    const length = head.readUInt32BE(at + 4)
    if (type === 0) return
    if (type === dataFileExtension)
      throw invalid('the image keeps its data in another file: convert it to a single file first')
    if (type === encryptionExtension) throw invalid('the image is encrypted')
    if (length > end - at - 8) throw invalid('the image has a header extension that does not end')
    at += 8 + Math.ceil(length / 8) * 8
  }
}
