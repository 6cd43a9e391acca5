import { notFound, StatusError } from '../../apimachinery/status-error.ts'
import { textAt, type KubeObject } from './kube-object.ts'
import type { ObjectStore } from './object-store.ts'
import { keyOf, type ResourceDefinition } from './resource-definition.ts'

/** Lets objects be created only in namespaces that are there to stay. */
export class NamespaceGate {
  readonly #objects: ObjectStore
  readonly #namespaces: ResourceDefinition

  constructor(objects: ObjectStore, namespaces: ResourceDefinition) {
    this.#objects = objects
    this.#namespaces = namespaces
  }

  /** Throws NotFound or Forbidden when nothing may be created in `namespace`. */
  async checkCreate(definition: ResourceDefinition, object: KubeObject, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = object.metadata
    if (!definition.namespaced || namespace === '') return
    const found = await this.#find(namespace, signal)
    if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace)
    if (found.metadata.deletionTimestamp === undefined && textAt(found, 'status', 'phase') !== 'Terminating')
      return
    throw terminating(definition, namespace, name)
  }

  async #find(namespace: string, signal: AbortSignal): Promise<KubeObject | undefined> {
    const key = keyOf(this.#namespaces, '', namespace)
    const cache = await this.#objects.cache(this.#namespaces, signal)
    const cached = cache.get(key)
    if (cached) return cached.object as KubeObject
    // It may have been created a moment ago, through another server even.
    const found = await this.#objects.read(this.#namespaces, key, undefined, signal)
    return found?.object as KubeObject | undefined
  }
}

function terminating({ group, plural }: ResourceDefinition, namespace: string, name: string): StatusError {
  const resource = group === '' ? plural : `${plural}.${group}`
  return new StatusError(
    'Forbidden',
    `${resource} ${JSON.stringify(name)} is forbidden: unable to create new content in namespace ${namespace} ` +
      'because it is being terminated',
    {
      details: {
        name,
        ...(group && { group }),
        kind: plural,
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      },
    },
  )
}
