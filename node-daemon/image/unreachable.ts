import { StorageDriverError } from '../storage/storage-driver.ts'

/** The source of an image cannot be had now; it is worth trying again. */
export function unreachable(message: string, cause?: unknown): StorageDriverError {
  return new StorageDriverError('source-unreachable', message, { cause })
}
