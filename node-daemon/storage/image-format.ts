import type { ImageImport } from './storage-driver.ts'
import { type ImageHead, invalid } from './headers/header-checks.ts'
import { checkIso, looksLikeIso } from './headers/iso.ts'
import { checkQcow2 } from './headers/qcow2.ts'
import { checkVdi } from './headers/vdi.ts'
import { checkVmdk } from './headers/vmdk.ts'

export type ImageFormat = NonNullable<ImageImport['format']>

/** Bytes of an image's beginning that recognition and header checks look at; shorter images are read whole. */
export const headBytes = 64 * 1024

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
  const magic = magicOf(head)
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

function magicOf(head: Buffer): Pick<Magic, 'name' | 'format'> | undefined {
  const magic = magics.find(({ offset, bytes }) => head.subarray(offset, offset + bytes.length).equals(bytes))
  return magic ?? (looksLikeIso(head) ? { name: 'iso', format: 'iso' } : undefined)
}

/**
 * Refuses what could make a reader of the image open another file or take the host's memory, before any program
 * but this one has looked at it. Throws an `invalid-image` StorageDriverError.
 */
export function checkHead(start: ImageHead, format: ImageFormat): void {
  headChecks[format]?.(start)
}

const headChecks: Readonly<Partial<Record<ImageFormat, (start: ImageHead) => void>>> = {
  qcow2: checkQcow2,
  vmdk: checkVmdk,
  vdi: checkVdi,
  iso: checkIso,
}
