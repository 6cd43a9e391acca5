import type { Storage, StorageEvent, StoredItem } from '../storage.ts'
import { isStorageError } from '../storage.ts'

/** A write as a value, so that it can be repeated and looked for. */
export type Write =
  | { readonly type: 'create'; readonly key: string; readonly value: Buffer }
  | {
      readonly type: 'update'
      readonly key: string
      readonly value: Buffer
      readonly expectedRevision: number
    }
  | { readonly type: 'delete'; readonly key: string; readonly expectedRevision: number }

/** Done at `revision`, or refused because of `current`. */
export type Outcome =
  | { readonly done: true; readonly revision: number }
  | { readonly done: false; readonly current: StoredItem | undefined }

type Reader = Pick<Storage, 'get' | 'watch'>

/**
 * What became of a write whose answer was lost; undefined when the key is still as the write expects it, so that it
 * can be sent again. A write of the same bytes by somebody else counts as ours: the two can't be told apart, and the
 * state is the one that was asked for.
 */
export async function findOutcome(
  storage: Reader,
  write: Write,
  signal: AbortSignal | undefined,
): Promise<Outcome | undefined> {
  const options = signal ? { signal } : {}
  const { item: current } = await storage.get(write.key, options)
  if (write.type === 'create') {
    if (current === undefined) return undefined
    return current.value.equals(write.value)
      ? { done: true, revision: current.revision }
      : { done: false, current }
  }
  if (current?.revision === write.expectedRevision) return undefined
  if (write.expectedRevision <= 0) return { done: false, current }
  const change = await firstChange(storage, write, signal)
  if (change && isSame(change, write)) return { done: true, revision: change.revision }
  return { done: false, current }
}

/** The change that ended the state which the write expected; undefined when there was no such state, or it is compacted. */
async function firstChange(
  storage: Reader,
  write: { readonly key: string; readonly expectedRevision: number },
  signal: AbortSignal | undefined,
): Promise<StorageEvent | undefined> {
  const { key, expectedRevision: revision } = write
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal
  try {
    const { item } = await storage.get(key, { revision, signal: either })
    // Otherwise the watch below could wait for ever.
    if (item?.revision !== revision) return undefined
    for await (const batch of storage.watch(key, revision, either)) {
      // The watch covers longer keys too.
      const change = batch.events.find((event) => event.key === key)
      if (change) return change
    }
  } catch (error) {
    if (!isStorageError(error, 'compacted') && !isStorageError(error, 'future-revision')) throw error
  } finally {
    stop.abort()
  }
  signal?.throwIfAborted()
  return undefined
}

function isSame(change: StorageEvent, write: Write): boolean {
  if (write.type === 'delete') return change.type === 'delete'
  return change.type === 'put' && change.value.equals(write.value)
}
