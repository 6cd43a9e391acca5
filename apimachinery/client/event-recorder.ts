import { createHash } from 'node:crypto'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import { type Clock, microTimestamp, sleep } from '../clock.ts'
import type { Logger } from '../log.ts'
import { hasReason, isAlreadyExists, isConflict, isNotFound } from '../status-error.ts'
import { BackOff } from './back-off.ts'
import type { Client, ObjectKey } from './client.ts'
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
const maxRemembered = 4_096
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

interface Written {
  readonly count: number
  readonly resourceVersion: string
}

class QueueingRecorder implements RunningEventRecorder {
  readonly #options: EventRecorderOptions
  readonly #log: Logger
  readonly #waiting = new Map<string, Waiting>()
  /** What the API holds of ours, as far as we know. */
  readonly #written = new Map<string, Written>()
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
    this.#start()
  }

  #start(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
      if (this.#waiting.size > 0 && !this.#aborted.signal.aborted) this.#start()
    })
  }

  #bucketOf({ kind, metadata }: KubeObject): TokenBucket {
    const key = metadata.uid ?? `${kind}/${metadata.namespace ?? ''}/${metadata.name}`
    const bucket =
      this.#buckets.get(key) ?? new TokenBucket(this.#options.clock, this.#options.perObject ?? defaultBucket)
    remember(this.#buckets, key, bucket)
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
    const key = `${event.metadata.namespace}/${event.metadata.name}`
    const known = this.#written.get(key)
    const stored =
      (known && (await this.#count(event, { ...known, count: known.count + count }, lastObserved))) ??
      (await this.#create(event, count, lastObserved)) ??
      (await this.#countOfOther(event, count, lastObserved))
    // Expired the moment we looked: the next one is the first of a new series.
    if (stored === undefined) return
    remember(this.#written, key, {
      count: stored.series?.count ?? 1,
      resourceVersion: stored.metadata.resourceVersion,
    })
  }

  /** Undefined when there is one of that name, made before a restart of ours or by another process. */
  async #create(event: KubeEvent, count: number, lastObservedTime: string) {
    const { signal } = this.#aborted
    const object = count > 1 ? { ...event, series: { count, lastObservedTime } } : event
    try {
      return await this.#options.client.create(events, object, { signal })
    } catch (error) {
      if (isAlreadyExists(error)) return undefined
      throw error
    }
  }

  async #countOfOther(event: KubeEvent, count: number, lastObserved: string) {
    const { signal } = this.#aborted
    try {
      const { metadata, series } = await this.#options.client.get(events, keyIn(event), { signal })
      const { resourceVersion } = metadata
      return await this.#count(event, { count: (series?.count ?? 1) + count, resourceVersion }, lastObserved)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Undefined when the Event has changed or expired. */
  async #count(event: KubeEvent, { count, resourceVersion }: Written, lastObservedTime: string) {
    const { signal } = this.#aborted
    const body = { metadata: { resourceVersion }, series: { count, lastObservedTime } }
    try {
      return await this.#options.client.patch(events, keyIn(event), { type: 'merge', body }, { signal })
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return undefined
      throw error
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

/** Last used last, so that the longest unused one goes when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > maxRemembered && oldest !== undefined) map.delete(oldest)
}

function keyIn({ metadata: { name, namespace } }: KubeEvent): ObjectKey {
  return { name, ...(namespace !== undefined && { namespace }) }
}
