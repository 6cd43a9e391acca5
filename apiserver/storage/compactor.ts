import type { Clock } from '../../apimachinery/clock.ts'
import { sleep } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Storage } from './storage.ts'
import { isStorageError, StorageError } from './storage.ts'

/** kube-apiserver's key and meaning, so that both can run on one etcd and only one of them compacts. */
const sharedKey = 'compact_rev_key'

export interface CompactorOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Logger
  /** How long history is kept at least; default five minutes. */
  readonly intervalMs?: number
}

/** What was seen at the last round. */
interface Round {
  /** Revision of the shared key; undefined while it does not exist. */
  readonly keyRevision: number | undefined
  /** The store's revision then: the next round may forget everything before it. */
  readonly revision: number
}

/**
 * Compacts the store to where it stood one interval ago, once per interval however many replicas run this: whoever
 * first advances the shared key does it. Resolves when `signal` is aborted.
 */
export async function runCompactor(options: CompactorOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, intervalMs = 300_000 } = options
  let last: Round | undefined
  while (!signal.aborted) {
    try {
      last = last ? await compactOnce(options, last, signal) : await look(options.storage, signal)
    } catch (error) {
      if (signal.aborted) return
      log.warn('Compaction failed', { error })
    }
    await sleep(clock, intervalMs, signal).catch(() => {})
  }
}

async function look(storage: Storage, signal: AbortSignal): Promise<Round> {
  const { item, revision } = await storage.get(sharedKey, { signal })
  return { keyRevision: item?.revision, revision }
}

async function compactOnce(options: CompactorOptions, last: Round, signal: AbortSignal): Promise<Round> {
  const { storage, log } = options
  let advanced: number
  try {
    advanced = await advanceKey(storage, last, signal)
  } catch (error) {
    // Another replica was first: its round counts, and ours starts from here.
    if (isConflict(error)) return look(storage, signal)
    throw error
  }
  try {
    await storage.compact(last.revision)
    log.info('Compacted the store', { revision: last.revision })
  } catch (error) {
    if (!isStorageError(error, 'compacted')) log.warn('Compaction failed', { revision: last.revision, error })
  }
  return { keyRevision: advanced, revision: advanced }
}

async function advanceKey(storage: Storage, last: Round, signal: AbortSignal): Promise<number> {
  const value = Buffer.from(String(last.revision))
  const written =
    last.keyRevision === undefined
      ? await storage.create(sharedKey, value, { signal })
      : await storage.update(sharedKey, value, last.keyRevision, { signal })
  return written.revision
}

function isConflict(error: unknown): boolean {
  return error instanceof StorageError && (error.code === 'key-exists' || error.code === 'revision-conflict')
}
