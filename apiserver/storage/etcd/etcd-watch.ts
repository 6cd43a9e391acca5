import type { StorageBatch, StorageEvent } from '../storage.ts'
import { isStorageError, StorageError } from '../storage.ts'
import type { EtcdConnection } from './etcd-connection.ts'
import { toStorageError } from './etcd-errors.ts'
import { prefixRange } from './etcd-keys.ts'
import type { EtcdMember, WatchEvent, WatchResponse, WatchStream } from './etcd-member.ts'
import { ResponseQueue } from './response-queue.ts'

/** Where one watch stream starts. */
interface WatchStart {
  readonly prefix: string
  /** The first revision that is wanted. */
  readonly revision: number
}

/**
 * Every change under `prefix` after `afterRevision`, over as many streams as it takes: each new one starts right
 * after the last batch that was handed out. Throws `compacted`; every other failure is retried until `signal`.
 */
export async function* watchEtcd(
  connection: EtcdConnection,
  watch: { readonly prefix: string; readonly afterRevision: number },
  signal: AbortSignal,
): AsyncGenerator<StorageBatch> {
  const stop = AbortSignal.any([signal, connection.closed])
  let seen = watch.afterRevision
  let failures = 0
  while (!stop.aborted) {
    const { endpoint } = connection
    try {
      for await (const batch of oneStream(
        connection,
        endpoint,
        { prefix: watch.prefix, revision: seen + 1 },
        stop,
      )) {
        failures = 0
        seen = batch.revision
        yield batch
      }
    } catch (error) {
      if (isStorageError(error, 'compacted')) throw error
      if (stop.aborted) return
      failures++
      connection.log.warn('Lost an etcd watch', {
        endpoint: endpoint.url,
        prefix: watch.prefix,
        revision: seen,
        error,
      })
      connection.turnFrom(endpoint, { hangs: false })
      await connection.pause(failures, stop).catch(() => {})
    }
  }
}

/** One stream on one member. Throws when it ends for any reason but `stop`. */
async function* oneStream(
  connection: EtcdConnection,
  endpoint: EtcdMember,
  start: WatchStart,
  stop: AbortSignal,
): AsyncGenerator<StorageBatch> {
  const queue = new ResponseQueue<WatchResponse>()
  let stream: WatchStream | undefined
  const end = () => queue.end()
  const suspect = connection.onSuspicion(endpoint, () =>
    queue.fail(new Error('the etcd member does not answer')),
  )
  stop.addEventListener('abort', end, { once: true })
  try {
    const request = { ...prefixRange(start.prefix), startRevision: start.revision }
    await endpoint.watch(request, (opened) => {
      stream = opened
      queue.attach(opened)
    })
    if (stop.aborted) return
    yield* readBatches(queue, () => admit(connection, endpoint, start))
  } finally {
    suspect()
    stop.removeEventListener('abort', end)
    stream?.cancel()
  }
}

async function* readBatches(
  queue: ResponseQueue<WatchResponse>,
  admitted: () => Promise<{ readonly isProgressReliable: boolean }>,
): AsyncGenerator<StorageBatch> {
  let isProgressReliable = false
  let events: StorageEvent[] = []
  for (;;) {
    const response = await queue.next()
    if (response === undefined) return
    refuseCancelled(response)
    if (response.created) {
      ;({ isProgressReliable } = await admitted())
      continue
    }
    for (const event of response.events) events.push(toStorageEvent(event))
    // A revision may be spread over fragments: handing out part of it would make a resume skip the rest.
    if (response.fragment) continue
    const last = events.at(-1)
    if (last) yield { events, revision: last.revision }
    else if (isProgressReliable) yield { events, revision: response.revision }
    events = []
  }
}

/**
 * Makes sure that history right before the start is still held. etcd itself accepts a watch that starts at the
 * compacted revision, and older ones then leave out deletions at it; a revision that is still to come means that
 * etcd was restored from a backup. Either way the watcher has to list again.
 */
async function admit(connection: EtcdConnection, endpoint: EtcdMember, start: WatchStart) {
  const deadline = connection.clock.now() + 3_000
  // A single key that need not exist: the answer costs next to nothing.
  const before = {
    key: Buffer.from(start.prefix || '\0'),
    revision: Math.max(1, start.revision - 1),
    limit: 1,
  }
  const [version] = await Promise.all([
    connection.version(endpoint),
    endpoint.range({ ...before, keysOnly: true }, { deadline }).catch((error: unknown) => {
      const meant = toStorageError(error)
      if (isStorageError(meant, 'compacted') || isStorageError(meant, 'future-revision'))
        throw lost(before.revision)
      throw meant
    }),
  ])
  return version
}

function refuseCancelled(response: WatchResponse): void {
  if (!response.canceled) return
  if (response.compactRevision !== 0) throw lost(response.compactRevision)
  throw new Error(`etcd cancelled the watch: ${response.cancelReason}`)
}

function lost(revision: number): StorageError {
  return new StorageError('compacted', `etcd no longer holds the history around revision ${revision}`)
}

function toStorageEvent({ isDeletion, item }: WatchEvent): StorageEvent {
  const { createRevision, modRevision: revision, value } = item
  const key = item.key.toString()
  return isDeletion
    ? { type: 'delete', key, revision }
    : { type: 'put', key, value, revision, created: createRevision === revision }
}
