import type { Client, ObjectKey } from '../../apimachinery/client/client.ts'
import { keyOf } from '../../apimachinery/client/client.ts'
import type { Informer } from '../../apimachinery/client/informer.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isNotFound } from '../../apimachinery/status-error.ts'
import type { Json } from '../../crds/meta/json.ts'
import type { KubeObject, Resource, Stored } from '../../crds/meta/object-meta.ts'

const fieldManager = 'kvorum-node-daemon'

/**
 * The informer's objects, or our own last write of one where the informer has not caught up with it yet: a pass never
 * decides from what it has itself changed since. All writes carry the version that they are based on.
 */
export class FreshObjects<T extends KubeObject> {
  readonly informer: Informer<T>
  readonly #client: Client
  readonly #written = new Map<string, Stored<T>>()

  constructor(client: Client, informer: Informer<T>) {
    this.#client = client
    this.informer = informer
    informer.onChange(({ key, after }) => {
      const own = this.#written.get(key)
      if (own !== undefined && (after === undefined || !isOlder(after, own))) this.#written.delete(key)
    })
  }

  /** Never to be changed. */
  get(key: string): Stored<T> | undefined {
    const cached = this.informer.get(key)
    const own = this.#written.get(key)
    return own !== undefined && (cached === undefined || isOlder(cached, own)) ? own : cached
  }

  list(namespace?: string): readonly Stored<T>[] {
    return this.informer.list(namespace).map((cached) => this.get(keyOf(cached.metadata)) ?? cached)
  }

  /** As the server has it now; undefined when it has none. */
  async getLive(key: ObjectKey, signal?: AbortSignal): Promise<Stored<T> | undefined> {
    try {
      return await this.#client.get(this.informer.resource, key, signal && { signal })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Replaces the status unless it says the same already. Throws Conflict when the object has changed since `current`. */
  async writeStatus<S>(
    current: Stored<T> & Resource<unknown, S>,
    status: S,
    signal?: AbortSignal,
  ): Promise<Stored<T>> {
    if (sameJson(current.status ?? {}, status)) return current
    return this.#update({ ...current, status }, 'status', signal)
  }

  async addFinalizer(current: Stored<T>, finalizer: string, signal?: AbortSignal): Promise<Stored<T>> {
    const finalizers = current.metadata.finalizers ?? []
    if (finalizers.includes(finalizer)) return current
    const metadata = { ...current.metadata, finalizers: [...finalizers, finalizer] }
    return this.#update({ ...current, metadata }, undefined, signal)
  }

  async dropFinalizer(current: Stored<T>, finalizer: string, signal?: AbortSignal): Promise<void> {
    const finalizers = current.metadata.finalizers ?? []
    if (!finalizers.includes(finalizer)) return
    const left = finalizers.filter((one) => one !== finalizer)
    const metadata = { ...current.metadata, finalizers: left }
    try {
      await this.#update({ ...current, metadata }, undefined, signal)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #update(
    object: Stored<T>,
    subresource: 'status' | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Stored<T>> {
    const key = keyOf(object.metadata)
    try {
      const options = { fieldManager, ...(subresource && { subresource }), ...(signal && { signal }) }
      const stored = await this.#client.update<T>(this.informer.resource, object, options)
      this.#remember(key, stored)
      return stored
    } catch (error) {
      if (isNotFound(error)) this.#written.delete(key)
      throw error
    }
  }

  #remember(key: string, stored: Stored<T>): void {
    const { deletionTimestamp, finalizers = [] } = stored.metadata
    const gone = deletionTimestamp !== undefined && finalizers.length === 0
    if (gone) this.#written.delete(key)
    else this.#written.set(key, stored)
  }
}

/** Versions are revisions of etcd, here and on Kubernetes, and so can be compared. */
function isOlder(one: Stored<KubeObject>, other: Stored<KubeObject>): boolean {
  if (one.metadata.uid !== other.metadata.uid) return false
  return BigInt(one.metadata.resourceVersion) < BigInt(other.metadata.resourceVersion)
}

function sameJson(one: unknown, other: unknown): boolean {
  return jsonEqual(one as Json, other as Json)
}
