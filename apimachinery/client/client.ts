import type { KindDefinition } from '../../crds/meta/define-kind.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'

/**
 * The port to a Kubernetes API, ours or any other. Failures are `StatusError`s (apimachinery/status-error.ts);
 * a server that cannot be reached is one with reason `ServiceUnavailable`, one that does not answer in time `Timeout`,
 * and after either a write may have happened. A call whose signal is aborted rejects with the signal's reason.
 * Returned objects belong to the caller.
 */
export interface Client {
  get<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    options?: CallOptions,
  ): Promise<Stored<T>>

  /** All objects, page by page inside. `resourceVersion` is where a watch continues. */
  list<T extends KubeObject>(resource: ApiResource<T>, options?: ListOptions): Promise<ObjectList<T>>

  /**
   * Events after `resourceVersion`; bookmarks are passed on. Ends when the server ends it or `signal` is aborted;
   * throws a StatusError, with reason `Expired` when the version is too old.
   */
  watch<T extends KubeObject>(resource: ApiResource<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>

  create<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options?: WriteOptions,
  ): Promise<Stored<T>>

  /** Replaces the object; with `metadata.resourceVersion` set, only that version. */
  update<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options?: WriteOptions,
  ): Promise<Stored<T>>

  /** `body` is a merge patch (RFC 7386), a JSON patch (RFC 6902) or, for `apply`, the applied configuration. */
  patch<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    patch: { readonly type: 'merge' | 'json' | 'apply'; readonly body: object; readonly force?: boolean },
    options?: WriteOptions,
  ): Promise<Stored<T>>

  /** Resolves once the server has accepted the deletion; finalizers may keep the object for longer. */
  delete<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<void>

  close(): Promise<void>
}

/** Where objects of one kind live. The type parameter ties a client call to the object's type. */
export interface ApiResource<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  /** Never set: carries the type. */
  readonly object?: T
}

export interface ObjectKey {
  readonly name: string
  readonly namespace?: string
}

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface ListOptions extends CallOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string
  readonly signal: AbortSignal
  /** Called once when the server has accepted the watch, which may be long before the first event. */
  readonly onOpen?: () => void
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string
  readonly subresource?: 'status'
  readonly dryRun?: boolean
}

export interface DeleteOptions extends CallOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
}

export interface ObjectList<T extends KubeObject> {
  readonly items: Stored<T>[]
  readonly resourceVersion: string
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored<T> }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** The resource that serves a kind of ours. */
export function resourceOf<T extends KubeObject>(kind: KindDefinition): ApiResource<T> {
  return {
    group: kind.group,
    version: kind.version,
    kind: kind.kind,
    plural: kind.plural,
    namespaced: kind.scope === 'Namespaced',
  }
}

/** `namespace/name`, or `name` for a cluster-scoped object: the key of caches and work queues. */
export function keyOf(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`
}
