import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { DiskCache } from './xml/disk.ts'

/**
 * How the disk in this file can be cached: around the page cache where its file system allows that, which QEMU would
 * otherwise refuse to start with. A file that cannot be opened at all is left for QEMU to report.
 */
export async function usableCache(path: string): Promise<DiskCache> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_DIRECT)
    await file.close()
    return 'none'
  } catch (error) {
    const noDirectIo = error instanceof Error && 'code' in error && error.code === 'EINVAL'
    return noDirectIo ? 'writeback' : 'none'
  }
}
