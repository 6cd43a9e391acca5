import { createHash } from 'node:crypto'
import { StorageDriverError } from './storage-driver.ts'

/** Hashes what passes by, with the algorithm of the expected checksum or sha256. */
export interface Checksum {
  update(chunk: Uint8Array): void
  /** `sha256:<hex>` of everything; throws a `checksum-mismatch` StorageDriverError that names both sums. */
  verify(): string
}

export function checksum(expected: string | undefined): Checksum {
  const algorithm = expected?.startsWith('sha512:') === true ? 'sha512' : 'sha256'
  const hash = createHash(algorithm)
  return {
    update: (chunk) => void hash.update(chunk),
    verify() {
      const digest = `${algorithm}:${hash.digest('hex')}`
      if (expected !== undefined && digest !== expected) {
        throw new StorageDriverError(
          'checksum-mismatch',
          `the checksum should be ${expected}, but what arrived has ${digest}`,
        )
      }
      return digest
    },
  }
}
