import { createHash } from 'node:crypto'
import type { ImageImport } from '../../node-daemon/storage/storage-driver.ts'

const mebibyte = 1024 ** 2

export interface Source extends ImageImport {
  opened: number
  readonly percents: number[]
}

/** A source that hands out `bytes` in pieces, and breaks off after `failAfter` of them with an error. */
export function aSource(
  bytes: Buffer,
  overrides: Partial<ImageImport> & { failAfter?: number } = {},
): Source {
  const { failAfter, ...rest } = overrides
  const source: Source = {
    format: undefined,
    checksum: undefined,
    opened: 0,
    percents: [],
    onProgress: (percent) => void source.percents.push(percent),
    async open() {
      source.opened += 1
      return { body: pieces(bytes, failAfter), totalBytes: bytes.length }
    },
    ...rest,
  }
  return source
}

async function* pieces(bytes: Buffer, failAfter: number | undefined): AsyncGenerator<Buffer> {
  const size = 100_000
  for (let at = 0; at < bytes.length; at += size) {
    if (failAfter !== undefined && at >= failAfter) throw new Error('the source broke off')
    yield bytes.subarray(at, at + size)
  }
}

/** Bytes that look like no format: a disk with something at its beginning. */
export function rawImage(bytes = mebibyte): Buffer {
  const image = Buffer.alloc(bytes)
  image.write('boot sector', 0)
  image.fill(7, bytes / 2, bytes / 2 + 4096)
  return image
}

/** A qcow2 header with nothing behind it, changed as `change` says. */
export function qcow2Header(change: (header: Buffer) => void): Buffer {
  const header = Buffer.alloc(64 * 1024)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(16, 20)
  header.writeBigUInt64BE(BigInt(mebibyte), 24)
  header.writeUInt32BE(4, 96)
  header.writeUInt32BE(104, 100)
  change(header)
  return header
}

export const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
export const sha512 = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`

export const hostileImages: readonly { name: string; bytes: Buffer; says: RegExp }[] = [
  {
    name: 'a qcow2 over a backing file of the host',
    bytes: qcow2Header((header) => {
      header.writeBigUInt64BE(512n, 8)
      header.writeUInt32BE('/etc/shadow'.length, 16)
      header.write('/etc/shadow', 512)
    }),
    says: /backing file/,
  },
  {
    name: 'a qcow2 whose data are in another file',
    bytes: qcow2Header((header) => header.writeBigUInt64BE(4n, 72)),
    says: /another file/,
  },
  {
    name: 'a qcow2 of an absurd size',
    bytes: qcow2Header((header) => header.writeBigUInt64BE(1n << 60n, 24)),
    says: /at most 70368744177664/,
  },
  {
    name: 'a qcow2 of no size',
    bytes: qcow2Header((header) => header.writeBigUInt64BE(0n, 24)),
    says: /no content/,
  },
  {
    name: 'an encrypted qcow2',
    bytes: qcow2Header((header) => header.writeUInt32BE(2, 32)),
    says: /encrypted/,
  },
  {
    name: 'a qcow2 with unknown features',
    bytes: qcow2Header((header) => header.writeBigUInt64BE(1n << 40n, 72)),
    says: /not known/,
  },
  {
    name: 'a qcow2 of a version to come',
    bytes: qcow2Header((header) => header.writeUInt32BE(9, 4)),
    says: /version 9/,
  },
  {
    name: 'a qcow2 that ends in its header',
    bytes: qcow2Header(() => {}).subarray(0, 40),
    says: /cut short/,
  },
  { name: 'nothing at all', bytes: Buffer.alloc(0), says: /empty/ },
  { name: 'a compressed image', bytes: Buffer.from('1f8b0800000000000003', 'hex'), says: /gzip/ },
  {
    name: 'a vmdk that points to other files',
    bytes: Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(1020)]),
    says: /several files/,
  },
]
