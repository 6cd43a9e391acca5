import type { Storage } from '../storage/storage.ts'
import { isStorageError } from '../storage/storage.ts'

/**
 * The oldest revision, not more than `length` before the present, whose history the store still holds; found by
 * halving, so history of up to that length may be left unused.
 */
export async function oldestRevision(storage: Storage, length: number, signal: AbortSignal): Promise<number> {
  const current = await storage.currentRevision(signal)
  for (let back = length; back >= 1; back = Math.floor(back / 2)) {
    const revision = Math.max(1, current - back)
    try {
      await storage.get('/', { revision, signal })
      return revision
    } catch (error) {
      if (!isStorageError(error, 'compacted')) throw error
    }
  }
  return current
}
