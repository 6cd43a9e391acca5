import { notFound } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../registry/kube-object.ts'
import type { ObjectStore } from '../../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../../registry/resource-definition.ts'

/** Reads namespaces from the cache, and from the store when they are too new for that. */
export class NamespaceReader {
  readonly #objects: ObjectStore
  readonly #namespaces: ResourceDefinition

  constructor(objects: ObjectStore, namespaces: ResourceDefinition) {
    this.#objects = objects
    this.#namespaces = namespaces
  }

  /** Throws NotFound. */
  async get(name: string, signal: AbortSignal): Promise<KubeObject> {
    const key = keyOf(this.#namespaces, '', name)
    const cache = await this.#objects.cache(this.#namespaces, signal)
    const item = cache.get(key) ?? (await this.#objects.read(this.#namespaces, key, undefined, signal))
    if (!item) throw notFound({ group: '', resource: 'namespaces' }, name)
    return item.object as KubeObject
  }
}
