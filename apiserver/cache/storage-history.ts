import type { Storage } from '../storage/storage.ts'
import { isStorageError } from '../storage/storage.ts'

/**
 * The store's revision, and the oldest one, not more than `length` before it, that the store still holds; found by
 * halving, so history of up to that length may be left unused.
 */
export async function findHistory(
  storage: Storage,
  length: number,
  signal: AbortSignal,
): Promise<{ readonly oldest: number; readonly current: number }> {
  const current = await storage.currentRevision(signal)
  for (let back = length; back >= 1; back = Math.floor(back / 2)) {
    const revision = Math.max(1, current - back)
    try {
      await storage.get('/', { revision, signal })
      return { oldest: revision, current }
    } catch (error) {
      if (!isStorageError(error, 'compacted')) throw error
    }
  }
  return { oldest: current, current }
}
