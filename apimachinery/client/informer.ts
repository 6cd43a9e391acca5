import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { ApiResource, Client } from './client.ts'

/**
 * A read-only, eventually consistent copy of the objects of one resource. Objects are shared by everybody who asks:
 * never change one.
 */
export interface ObjectCache<T extends KubeObject> {
  /** `key` as `keyOf` makes it: `namespace/name`, or `name` of a cluster-scoped object. */
  get(key: string): Stored<T> | undefined
  /** Everything, or everything in one namespace; in no order. */
  list(namespace?: string): readonly Stored<T>[]
  /** The objects for which the index function called `index` answers `value`. Throws for an unknown index. */
  byIndex(index: string, value: string): readonly Stored<T>[]
}

/** `before` is undefined for an object that is new to the cache, `after` for one that is gone. */
export interface Change<T extends KubeObject> {
  readonly key: string
  readonly before: Stored<T> | undefined
  readonly after: Stored<T> | undefined
}

export interface InformerHealth {
  /** The first listing is in the cache. */
  readonly synced: boolean
  /** A watch is open, so that the cache follows the server. */
  readonly connected: boolean
  /** Milliseconds since the server last said anything: an event, a bookmark, a listing. */
  readonly silentMs: number
}

/**
 * Keeps an `ObjectCache` equal to what the server has: lists, then watches; reconnects by itself with back-off and
 * lists again when the server has forgotten the version, telling handlers the difference.
 */
export interface Informer<T extends KubeObject> extends ObjectCache<T> {
  readonly resource: ApiResource<T>
  /** Begins to fill the cache. A second call has no effect. */
  start(): void
  /** Resolves once the first listing is in the cache; rejects when `signal` is aborted or the informer stopped first. */
  synced(signal?: AbortSignal): Promise<void>
  /**
   * Calls `handler` for every change after the cache has taken it in, beginning with the objects that are there
   * already. Handlers put keys into queues and do nothing else. The returned function ends it.
   */
  onChange(handler: (change: Change<T>) => void): () => void
  health(): InformerHealth
  /** Ends the watch; the cache keeps its last content. */
  stop(): Promise<void>
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client
  readonly resource: ApiResource<T>
  readonly clock: Clock
  readonly log: Logger
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Each function names the values under which `byIndex` finds the object. */
  readonly indexes?: Readonly<Record<string, (object: Stored<T>) => readonly string[]>>
  /** Silence after which a watch is taken for dead. Servers send a bookmark at least once a minute. */
  readonly idleTimeoutMs?: number
}

export declare function informer<T extends KubeObject>(options: InformerOptions<T>): Informer<T>
