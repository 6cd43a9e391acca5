import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { hasReason } from '../../apimachinery/status-error.ts'
import type { LocalApi } from '../handlers/local-api.ts'
import { namespaces } from '../registry/builtin/namespaces.ts'
import { follow } from '../registry/follow.ts'
import { KeyQueue } from '../registry/key-queue.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { keyOf, type ResourceDefinition } from '../registry/resource-definition.ts'

/** What the controllers that run inside the server work with. */
export interface ControllerDeps {
  readonly objects: ObjectStore
  readonly local: LocalApi
  readonly clock: Clock
  readonly log: Logger
  /** Ends everything. */
  readonly signal: AbortSignal
}

export interface NamespaceContentOptions {
  /** What the work is, for the log. */
  readonly name: string
  readonly definition: ResourceDefinition
  /** The object's name in every namespace. */
  readonly objectName: string
  /** Brings the object to where it should be; `current` is undefined when it is missing. */
  readonly ensure: (namespace: string, current: KubeObject | undefined) => Promise<void>
}

/** Sees to it that every namespace that is there to stay has a certain object. Any number of servers may do so. */
export class NamespaceContent {
  readonly #deps: ControllerDeps
  readonly #options: NamespaceContentOptions
  readonly #queue: KeyQueue

  constructor(deps: ControllerDeps, options: NamespaceContentOptions) {
    this.#deps = deps
    this.#options = options
    this.#queue = new KeyQueue({
      ...deps,
      name: options.name,
      concurrency: 4,
      work: (namespace) => this.#reconcile(namespace),
    })
  }

  async start(): Promise<void> {
    const { objects, signal } = this.#deps
    const { definition, objectName } = this.#options
    await follow(objects, definition, signal, {
      onPresent() {},
      onEvents: (events) => {
        for (const { type, item } of events) {
          const { name, namespace = '' } = (item.object as KubeObject).metadata
          if (name === objectName && type !== 'ADDED') this.#queue.add(namespace)
        }
      },
    })
    const look = ({ metadata }: KubeObject) => this.#queue.add(metadata.name ?? '')
    await follow(objects, namespaces, signal, {
      onPresent: (items) => items.forEach(({ object }) => look(object as KubeObject)),
      onEvents: (events) => events.forEach(({ item }) => look(item.object as KubeObject)),
    })
  }

  /** Looks at every namespace again, because what the object should be has changed. */
  async lookAgain(): Promise<void> {
    const { objects, signal } = this.#deps
    const cache = await objects.cache(namespaces, signal)
    for (const { object } of cache.list(namespaces.stored.prefix)) {
      this.#queue.add((object as KubeObject).metadata.name ?? '')
    }
  }

  async #reconcile(name: string): Promise<void> {
    const { objects, signal } = this.#deps
    const { definition, objectName, ensure } = this.#options
    if (!(await this.#isThereToStay(name))) return
    const cache = await objects.cache(definition, signal)
    const current = cache.get(keyOf(definition, name, objectName))?.object as KubeObject | undefined
    try {
      await ensure(name, current)
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Forbidden')) throw error
      // The namespace has begun to go in the meantime.
      await objects.caughtUp(namespaces, undefined, signal)
      if (await this.#isThereToStay(name)) throw error
    }
  }

  async #isThereToStay(name: string): Promise<boolean> {
    const { objects, signal } = this.#deps
    const cache = await objects.cache(namespaces, signal)
    const namespace = cache.get(keyOf(namespaces, '', name))?.object as KubeObject | undefined
    return namespace !== undefined && namespace.metadata.deletionTimestamp === undefined
  }
}
