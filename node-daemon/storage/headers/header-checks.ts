import { StorageDriverError } from '../storage-driver.ts'

/** Beyond this a virtual size is a mistake or an attack. */
export const maxVirtualBytes = 64 * 1024 ** 4

/** An image that may not be used, now or later. */
export function invalid(message: string, options?: ErrorOptions): StorageDriverError {
  return new StorageDriverError('invalid-image', message, options)
}

/** Throws an `invalid-image` StorageDriverError for an empty disk or one beyond `maxVirtualBytes`. */
export function checkVirtualSize(bytes: bigint | number): void {
  if (bytes <= 0) throw invalid('the image has no content')
  if (bytes > maxVirtualBytes) {
    throw invalid(`the image says that its disk has ${bytes} bytes; at most ${maxVirtualBytes} are allowed`)
  }
}

/** The first bytes of an image, and how many there are in all. */
export interface ImageHead {
  readonly head: Buffer
  readonly fileBytes: number
}
