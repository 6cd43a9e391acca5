import { createHash } from 'node:crypto'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import { type Clock, microTimestamp, sleep } from '../clock.ts'
import type { Logger } from '../log.ts'
import { hasReason, isAlreadyExists, isConflict, isNotFound } from '../status-error.ts'
import { BackOff } from './back-off.ts'
import type { Client } from './client.ts'
import { events, type KubeEvent } from './resources.ts'
import { type BucketSize, TokenBucket } from './token-bucket.ts'

/**
 * Writes `events.k8s.io/v1` Events about objects. Fire and forget: an Event that cannot be written is logged and
 * dropped; the same reason and note about the same object becomes one series with a count.
 */
export interface EventRecorder {
  normal(regarding: KubeObject, reason: string, note: string): void
  warning(regarding: KubeObject, reason: string, note: string): void
}

export interface EventRecorderOptions {
  readonly client: Pick<Client, 'get' | 'create' | 'patch'>
  readonly clock: Clock
  readonly log: Logger
  /** Who speaks, such as `kvorum.dev/controllers`. */
  readonly reportingController: string
  /** Which of its processes: a host name. */
  readonly instance: string
  /** How many Events about one object are written; default 25 at once and one per 10 s from then on. */
  readonly perObject?: BucketSize
  /** Between 0 and 1, for the jitter of the back-off. */
  readonly random?: () => number
}

export interface RunningEventRecorder extends EventRecorder {
  /** Writes what waits, for at most `timeoutMs`, and takes in nothing more. */
  close(timeoutMs?: number): Promise<void>
}

const maxWaiting = 1_000
const maxBuckets = 4_096
const maxAttempts = 4
const maxNoteLength = 1_024
const defaultBucket: BucketSize = { burst: 25, refillMs: 10_000 }

/** Writes in the background, one Event at a time; what comes again while it waits is counted, not queued. */
export function eventRecorder(options: EventRecorderOptions): RunningEventRecorder {
  return new QueueingRecorder(options)
}

interface Waiting {
  readonly event: KubeEvent
  count: number
  lastObserved: string
}

class QueueingRecorder implements RunningEventRecorder {
  readonly #options: EventRecorderOptions
  readonly #log: Logger
  readonly #waiting = new Map<string, Waiting>()
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #aborted = new AbortController()
  #closed = false
  #writing: Promise<void> | undefined
  #dropped = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#log = options.log.child({ component: 'events' })
  }

  normal(regarding: KubeObject, reason: string, note: string): void {
    this.#take(regarding, { type: 'Normal', reason, note })
  }

  warning(regarding: KubeObject, reason: string, note: string): void {
    this.#take(regarding, { type: 'Warning', reason, note })
  }

  #take(regarding: KubeObject, said: Pick<KubeEvent, 'type' | 'reason' | 'note'>): void {
    if (this.#closed) return
    const event = this.#eventOf(regarding, said)
    const key = `${event.metadata.namespace}/${event.metadata.name}`
    const known = this.#waiting.get(key)
    if (known !== undefined) {
      known.count += 1
      known.lastObserved = event.eventTime
      return
    }
    if (this.#waiting.size >= maxWaiting || !this.#bucketOf(regarding).take()) {
      this.#dropped += 1
      return
    }
    this.#waiting.set(key, { event, count: 1, lastObserved: event.eventTime })
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined))
  }

  #bucketOf({ kind, metadata }: KubeObject): TokenBucket {
    const key = metadata.uid ?? `${kind}/${metadata.namespace ?? ''}/${metadata.name}`
    const bucket =
      this.#buckets.get(key) ?? new TokenBucket(this.#options.clock, this.#options.perObject ?? defaultBucket)
    // Last used last, so that the longest unused one goes when there are too many.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > maxBuckets) this.#buckets.delete(this.#buckets.keys().next().value ?? key)
    return bucket
  }

  #eventOf(about: KubeObject, said: Pick<KubeEvent, 'type' | 'reason' | 'note'>): KubeEvent {
    const { clock, reportingController, instance } = this.#options
    const { apiVersion, kind, metadata } = about
    const { name, namespace, uid, resourceVersion } = metadata
    const note = said.note.slice(0, maxNoteLength)
    const identity = [
      apiVersion,
      kind,
      namespace,
      name,
      uid,
      said.type,
      said.reason,
      note,
      reportingController,
    ]
    const digest = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16)
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      // Events about cluster-scoped objects live in the default namespace.
      metadata: { name: `${name.slice(0, 230)}.${digest}`, namespace: namespace ?? 'default' },
      eventTime: microTimestamp(clock),
      reportingController,
      reportingInstance: instance.slice(0, 128),
      action: said.reason,
      reason: said.reason,
      type: said.type,
      note,
      regarding: {
        apiVersion,
        kind,
        name,
        ...(namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
    }
  }

  async #writeAll(): Promise<void> {
    // A turn later, so that what is said twice in one breath is one write.
    await Promise.resolve()
    for (const [key, waiting] of this.#waiting) {
      if (this.#aborted.signal.aborted) return
      this.#waiting.delete(key)
      await this.#write(waiting)
      this.#reportDropped()
    }
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return
    this.#log.warn('Dropped events, there were too many', { count: this.#dropped })
    this.#dropped = 0
  }

  async #write(waiting: Waiting): Promise<void> {
    const { clock, random = Math.random } = this.#options
    const backOff = new BackOff({ firstMs: 250, maxMs: 5_000, random })
    const { signal } = this.#aborted
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#createOrCount(waiting)
      } catch (error) {
        const mayPass =
          hasReason(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests') || isConflict(error)
        if (!mayPass || attempt === maxAttempts || signal.aborted) {
          const { reason, regarding } = waiting.event
          return this.#log.warn('Cannot write an event', { reason, object: regarding.name, error })
        }
      }
      await sleep(clock, backOff.next(), signal).catch(() => {})
    }
  }

  async #createOrCount({ event, count, lastObserved }: Waiting): Promise<void> {
    const { client } = this.#options
    const { signal } = this.#aborted
    const series = (total: number) => ({ count: total, lastObservedTime: lastObserved })
    try {
      await client.create(events, count > 1 ? { ...event, series: series(count) } : event, { signal })
      return
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
    const { name, namespace } = event.metadata
    const key = { name, ...(namespace !== undefined && { namespace }) }
    try {
      const before = await client.get(events, key, { signal })
      const { resourceVersion } = before.metadata
      const body = { metadata: { resourceVersion }, series: series((before.series?.count ?? 1) + count) }
      await client.patch(events, key, { type: 'merge', body }, { signal })
    } catch (error) {
      // It has expired in between; nobody else makes it anew.
      if (!isNotFound(error)) throw error
      await client.create(events, event, { signal })
    }
  }

  async close(timeoutMs = 2_000): Promise<void> {
    this.#closed = true
    const cancel = this.#options.clock.after(timeoutMs, () =>
      this.#aborted.abort(new Error('the recorder is closed')),
    )
    await this.#writing
    cancel()
  }
}
