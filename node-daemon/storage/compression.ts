import type { ImageImport } from './storage-driver.ts'

export type Compression = Exclude<NonNullable<ImageImport['compression']>, 'none'>

const magics: readonly (readonly [Compression, Buffer])[] = [
  ['gzip', Buffer.from('1f8b08', 'hex')],
  ['xz', Buffer.from('fd377a585a00', 'hex')],
  ['zstd', Buffer.from('28b52ffd', 'hex')],
]

/**
 * How the bytes of a source are packed; undefined for not at all. What the import says decides; where it says nothing,
 * the first bytes do, except for `raw`, whose bytes are never interpreted.
 */
export function compressionOf(
  head: Buffer,
  { compression, format }: Pick<ImageImport, 'compression' | 'format'>,
): Compression | undefined {
  if (compression !== undefined) return compression === 'none' ? undefined : compression
  if (format === 'raw') return undefined
  return magics.find(([, magic]) => head.subarray(0, magic.length).equals(magic))?.[0]
}
