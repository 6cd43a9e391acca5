import { randomUUID } from 'node:crypto'
import type { Storage, StorageEvent } from '../../apiserver/storage/storage.ts'

/** A prefix that no other test uses. */
export function freshPrefix(): string {
  return `/registry/${randomUUID()}/`
}

/** Reads a watch until `count` events have come, then ends it. */
export async function collect(
  storage: Storage,
  from: { readonly prefix: string; readonly afterRevision: number },
  count: number,
): Promise<StorageEvent[]> {
  const stop = new AbortController()
  const events: StorageEvent[] = []
  for await (const batch of storage.watch(from.prefix, from.afterRevision, stop.signal)) {
    events.push(...batch.events)
    if (events.length >= count) stop.abort()
  }
  return events
}

/** Creates `count` keys under `prefix`, several at a time. */
export async function fill(storage: Storage, prefix: string, count: number, bytes = 16): Promise<void> {
  const value = Buffer.alloc(bytes, 'x')
  let next = 0
  const worker = async () => {
    while (next < count) await storage.create(`${prefix}${String(next++).padStart(6, '0')}`, value)
  }
  await Promise.all(Array.from({ length: 64 }, worker))
}

/** What `action` rejects with. */
export async function failure(action: Promise<unknown>): Promise<unknown> {
  try {
    await action
  } catch (error) {
    return error
  }
  throw new Error('expected a failure')
}
