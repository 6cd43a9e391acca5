import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { isNotFound, notFound } from '../../../apimachinery/status-error.ts'
import type { CachedObject, CacheEvent, ResourceCache } from '../../cache/cache.ts'
import { follow } from '../../registry/follow.ts'
import { KeyQueue } from '../../registry/key-queue.ts'
import { objectAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import type { ResourceDefinition } from '../../registry/resource-definition.ts'
import type { ResourceMap } from '../../registry/resource-map.ts'
import { isMeasuredBy, looksInside, usageOf } from './measures.ts'
import { hasScopes, usedOf, wantedLimits, withUsed } from './quota.ts'
import { countUsage } from './usage-count.ts'
import { added, increase, masked, type Usage } from './usage.ts'

export interface QuotaControllerDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  /** Of ResourceQuotas. */
  readonly definition: ResourceDefinition
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * A write is charged just before it is stored: a count has to wait for so long after the last charge, or it would
 * miss what is on its way.
 */
const settleMs = 2_000
const recountMs = 5 * 60_000
// Timers may be early by a fraction of a millisecond.
const timerSlackMs = 5

/** What a count rests on: the usage that was charged when it was decided to count. */
interface Baseline {
  readonly used: Usage
  readonly dueAt: number
}

/**
 * Keeps the status of quotas true: counts what there is when a quota or its limits are new, when objects go or shrink,
 * some time after charges (a write may have failed after it was charged), and every five minutes. Every API server
 * does so; whoever is late finds nothing to write.
 */
export class QuotaController {
  readonly #deps: QuotaControllerDeps
  readonly #queue: KeyQueue
  readonly #namespaces = new Map<string, Set<string>>()
  readonly #followed = new Set<string>()
  readonly #risenAt = new Map<string, number>()
  readonly #baselines = new Map<string, Baseline>()
  #cache: ResourceCache | undefined

  constructor(deps: QuotaControllerDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({
      ...deps,
      name: 'quota count',
      concurrency: 4,
      work: (key) => this.#count(key),
    })
  }

  /** Whether a namespace has quotas. */
  hasQuotas(namespace: string): boolean {
    return this.#namespaces.has(namespace)
  }

  /** Resolves when the quotas that are stored are known; goes on until the signal is aborted. */
  async start(): Promise<void> {
    const { objects, definition, resources, signal } = this.#deps
    this.#cache = await objects.cache(definition, signal)
    await follow(objects, definition, signal, {
      onPresent: (items) => {
        this.#namespaces.clear()
        for (const item of items) this.#appeared(item)
      },
      onEvents: (events) => {
        for (const event of events) this.#take(event)
      },
    })
    const stop = resources.onChange(() => this.#followKinds())
    signal.addEventListener('abort', stop, { once: true })
    this.#scheduleRecount()
  }

  #appeared(item: CachedObject): void {
    const { key } = item
    const namespace = namespaceOf(item)
    const keys = this.#namespaces.get(namespace) ?? new Set()
    this.#namespaces.set(namespace, keys.add(key))
    this.#followKinds()
    if (hasNewLimits(item.object as KubeObject)) this.#queue.add(key)
    // Other servers may have charged a moment ago.
    else this.#rose(key)
  }

  #take(event: CacheEvent): void {
    const { key, object } = event.item
    if (event.type === 'ADDED') return this.#appeared(event.item)
    if (event.type === 'DELETED') return this.#disappeared(key, namespaceOf(event.item))
    const [before, now] = [event.previous.object as KubeObject, object as KubeObject]
    if (!jsonEqual(objectAt(before, 'spec'), objectAt(now, 'spec'))) {
      this.#followKinds()
      this.#queue.add(key)
    }
    const [used, usedBefore] = [usedOf(now), usedOf(before)]
    if (increase(used, usedBefore).size > 0) this.#rose(key)
    // Somebody has counted: what was seen of the charges since the baseline is not known.
    if (increase(usedBefore, used).size > 0 && this.#baselines.delete(key)) this.#want(key)
  }

  #disappeared(key: string, namespace: string): void {
    const keys = this.#namespaces.get(namespace)
    keys?.delete(key)
    if (keys?.size === 0) this.#namespaces.delete(namespace)
    this.#baselines.delete(key)
    this.#risenAt.delete(key)
  }

  /** Counts as soon as no charge can be on its way any more. */
  #want(key: string): void {
    if (this.#baselines.has(key)) return
    const quota = this.#quota(key)
    if (!quota) return
    const now = this.#deps.clock.monotonic()
    const settled = (this.#risenAt.get(key) ?? -settleMs) + settleMs <= now
    this.#baselines.set(key, { used: usedOf(quota), dueAt: settled ? now : now + settleMs })
    if (settled) this.#queue.add(key)
    else this.#queue.addAfter(key, settleMs)
  }

  #quota(key: string): KubeObject | undefined {
    return this.#cache?.get(key)?.object as KubeObject | undefined
  }

  async #count(key: string): Promise<void> {
    const { objects, resources, signal, clock } = this.#deps
    const quota = this.#quota(key)
    if (!quota) return
    const isNew = hasNewLimits(quota)
    let baseline = this.#baselines.get(key)
    // A count has been decided on for later: it does for whoever asked for one now.
    if (!isNew && baseline && baseline.dueAt - timerSlackMs > clock.monotonic()) return
    if (!baseline) this.#baselines.set(key, (baseline = { used: usedOf(quota), dueAt: 0 }))
    const names = hasScopes(quota) ? [] : [...wantedLimits(quota).keys()]
    const counted = await countUsage({ objects, resources, signal }, quota.metadata.namespace ?? '', names)
    await this.#write(key, counted, baseline)
    // What was on its way while the limits were new shows in another count.
    if (isNew) this.#rose(key)
  }

  async #write(key: string, counted: Usage, baseline: Baseline): Promise<void> {
    const { objects, definition, signal } = this.#deps
    let disturbed = false
    try {
      await objects.change(
        definition,
        key,
        (current) => {
          if (!current) throw notFound({ group: '', resource: definition.plural }, key)
          disturbed = this.#baselines.get(key) !== baseline || fell(current, baseline)
          return { type: 'write', object: disturbed ? current : recounted(current, counted, baseline) }
        },
        { dryRun: false, signal },
      )
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    if (this.#baselines.get(key) === baseline) this.#baselines.delete(key)
    if (disturbed) this.#want(key)
  }

  #rose(key: string): void {
    this.#risenAt.set(key, this.#deps.clock.monotonic())
    this.#want(key)
  }

  /** Follows every kind that a quota somewhere limits. */
  #followKinds(): void {
    const { resources, definition } = this.#deps
    const items = this.#cache?.list(definition.stored.prefix) ?? []
    const names = new Set(items.flatMap(({ object }) => [...wantedLimits(object as KubeObject).keys()]))
    const kinds = resources.distinct()
    const served = new Set(kinds.map(({ stored }) => stored.prefix))
    for (const prefix of this.#followed) if (!served.has(prefix)) this.#followed.delete(prefix)
    for (const kind of kinds) {
      if (this.#followed.has(kind.stored.prefix)) continue
      if ([...names].some((name) => isMeasuredBy(kind, name))) this.#followKind(kind)
    }
  }

  #followKind(kind: ResourceDefinition): void {
    const { objects, signal, log } = this.#deps
    const { prefix } = kind.stored
    this.#followed.add(prefix)
    follow(objects, kind, signal, {
      onPresent: () => this.#queueAll(),
      onEvents: (events) => {
        for (const event of events) if (changesUsage(kind, event)) this.#changed(kind, event.item)
      },
    }).catch((error: unknown) => {
      this.#followed.delete(prefix)
      if (!signal.aborted) log.error('Following a kind for quotas failed', { prefix, error })
    })
  }

  #changed(kind: ResourceDefinition, item: CachedObject): void {
    for (const key of this.#namespaces.get(namespaceOf(item)) ?? []) {
      const quota = this.#quota(key)
      const names = quota ? [...wantedLimits(quota).keys()] : []
      if (names.some((name) => isMeasuredBy(kind, name))) this.#want(key)
    }
  }

  #queueAll(): void {
    for (const keys of this.#namespaces.values()) for (const key of keys) this.#want(key)
  }

  #scheduleRecount(): void {
    const { clock, signal } = this.#deps
    const cancel = clock.after(recountMs, () => {
      signal.removeEventListener('abort', cancel)
      if (signal.aborted) return
      this.#queueAll()
      this.#scheduleRecount()
    })
    signal.addEventListener('abort', cancel, { once: true })
  }
}

/** Most kinds count by the number of objects alone. */
function changesUsage(kind: ResourceDefinition, event: CacheEvent): boolean {
  if (event.type !== 'MODIFIED') return true
  if (!looksInside(kind)) return false
  const now = usageOf(kind, event.item.object as KubeObject)
  const before = usageOf(kind, event.previous.object as KubeObject)
  return increase(now, before).size > 0 || increase(before, now).size > 0
}

function hasNewLimits(quota: KubeObject): boolean {
  return !jsonEqual(objectAt(quota, 'spec', 'hard'), objectAt(quota, 'status', 'hard'))
}

/** Another server has counted since: what it has seen of the charges is not known here. */
function fell(current: KubeObject, { used }: Baseline): boolean {
  return increase(used, usedOf(current)).size > 0
}

/** What was counted, and what has been charged since it was decided to count: some of that may be counted already. */
function recounted(current: KubeObject, counted: Usage, { used }: Baseline): KubeObject {
  const charged = masked(increase(usedOf(current), used), (name) => used.has(name))
  return withUsed(current, added(counted, charged), objectAt(current, 'spec', 'hard'))
}

const namespaceOf = ({ metadata }: CachedObject) => textAt({ metadata }, 'metadata', 'namespace')
