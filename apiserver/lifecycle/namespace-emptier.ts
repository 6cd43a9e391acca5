import { timestamp } from '../../apimachinery/clock.ts'
import { namespaces } from '../registry/builtin/namespaces.ts'
import { isReleased } from '../registry/deletion.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import { refuseSealed } from '../registry/object-store.ts'
import { objectAt, stringsAt, type KubeObject } from '../registry/kube-object.ts'
import { prefixOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import type { LifecycleDeps } from './lifecycle.ts'
import { remainingConditions, type Remaining } from './namespace-conditions.ts'
import { editStored, removeStored } from './remove-stored.ts'

const finalizer = 'kubernetes'
const recheckMs = 500
/**
 * A namespace lives on at least so long after its deletion was asked for: another server may still let a create
 * through that started before it had heard of the deletion.
 */
const settleMs = 1000

/** Empties namespaces that are being deleted, then lets them go; their conditions tell what is in the way. */
export class NamespaceEmptier {
  readonly #deps: LifecycleDeps
  readonly #queue: KeyQueue

  constructor(deps: LifecycleDeps) {
    this.#deps = deps
    this.#queue = new KeyQueue({
      ...deps,
      name: 'namespace deletion',
      concurrency: 4,
      work: (key) => this.#reconcile(key),
    })
  }

  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    const look = (object: KubeObject, key: string) => {
      if (object.metadata.deletionTimestamp !== undefined) this.#queue.add(key)
    }
    await follow(objects, namespaces, signal, {
      onPresent: (items) => items.forEach(({ object, key }) => look(object as KubeObject, key)),
      onEvents: (events) => events.forEach(({ item }) => look(item.object as KubeObject, item.key)),
    })
  }

  async #reconcile(key: string): Promise<void> {
    const { objects, signal, clock } = this.#deps
    const cache = await objects.cache(namespaces, signal)
    const namespace = cache.get(key)?.object as KubeObject | undefined
    const { deletionTimestamp, name = '', uid } = namespace?.metadata ?? {}
    if (!namespace || deletionTimestamp === undefined) return
    if (!stringsAt(namespace, 'spec', 'finalizers').includes(finalizer)) return
    const remaining = await this.#empty(name)
    const waitMs = Date.parse(deletionTimestamp) + settleMs - clock.now()
    const done = remaining.length === 0 && waitMs <= 0
    await editStored(this.#deps, namespaces, { key, uid }, (current) => {
      const object = {
        ...current,
        status: remainingConditions(objectAt(current, 'status'), remaining, timestamp(clock)),
        ...(done && { spec: withoutFinalizer(current) }),
      }
      return { object, released: isReleased(namespaces, object) }
    })
    if (!done) this.#queue.addAfter(key, remaining.length > 0 ? recheckMs : waitMs)
  }

  /** Deletes everything in a namespace; what is left waits for finalizers. */
  async #empty(name: string): Promise<Remaining[]> {
    const kinds = this.#deps.resources.distinct().filter(({ namespaced }) => namespaced)
    const found = await Promise.all(kinds.map((definition) => this.#emptyKind(definition, name)))
    return found.filter(({ count }) => count > 0)
  }

  async #emptyKind(definition: ResourceDefinition, name: string): Promise<Remaining> {
    const { objects, signal } = this.#deps
    const cache = await objects.caughtUp(definition, undefined, signal)
    refuseSealed(cache, prefixOf(definition, name))
    const finalizers = new Map<string, number>()
    let count = 0
    for (const { key, object } of cache.list(prefixOf(definition, name))) {
      if (await removeStored(this.#deps, definition, key, { propagationPolicy: 'Background' })) continue
      count += 1
      for (const one of (object as KubeObject).metadata.finalizers ?? []) {
        finalizers.set(one, (finalizers.get(one) ?? 0) + 1)
      }
    }
    return { definition, count, finalizers }
  }
}

function withoutFinalizer(namespace: KubeObject) {
  const finalizers = stringsAt(namespace, 'spec', 'finalizers').filter((name) => name !== finalizer)
  const { finalizers: _, ...spec } = objectAt(namespace, 'spec')
  return finalizers.length > 0 ? { ...spec, finalizers } : spec
}
