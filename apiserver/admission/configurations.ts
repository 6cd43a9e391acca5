import type { Logger } from '../../apimachinery/log.ts'
import type { CacheEvent } from '../cache/cache.ts'
import { follow } from '../registry/follow.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

export interface ConfigurationDeps<T> {
  readonly objects: ObjectStore
  readonly definition: ResourceDefinition
  /** Called once per change of an object. What it throws leaves the object out. */
  readonly compile: (object: KubeObject) => T
  readonly log: Logger
  readonly signal: AbortSignal
}

/** What the objects of one kind come to, kept up to date and in the order of their names. */
export class Configurations<T> {
  readonly #deps: ConfigurationDeps<T>
  readonly #compiled = new Map<string, { readonly object: KubeObject; readonly result: T }>()
  #all: readonly T[] = []

  constructor(deps: ConfigurationDeps<T>) {
    this.#deps = deps
  }

  get all(): readonly T[] {
    return this.#all
  }

  /** Resolves once everything that is stored has been compiled. */
  async start(): Promise<void> {
    const { objects, definition, signal } = this.#deps
    await follow(objects, definition, signal, {
      onPresent: (items) => {
        const present = new Set(items.map(({ key }) => key))
        for (const key of this.#compiled.keys()) if (!present.has(key)) this.#compiled.delete(key)
        for (const { key, object } of items) this.#put(key, object as KubeObject)
        this.#sort()
      },
      onEvents: (events) => {
        for (const event of events) this.#take(event)
        this.#sort()
      },
    })
  }

  #take({ type, item }: CacheEvent): void {
    if (type === 'DELETED') this.#compiled.delete(item.key)
    else this.#put(item.key, item.object as KubeObject)
  }

  #put(key: string, object: KubeObject): void {
    const known = this.#compiled.get(key)?.object.metadata
    const { uid, generation } = object.metadata
    // Writes of the status alone change nothing of what was compiled.
    if (
      known !== undefined &&
      generation !== undefined &&
      known.uid === uid &&
      known.generation === generation
    )
      return
    this.#compiled.delete(key)
    try {
      this.#compiled.set(key, { object, result: this.#deps.compile(object) })
    } catch (error) {
      const { log, definition } = this.#deps
      log.error('Configuration cannot be used', { kind: definition.kind, name: object.metadata.name, error })
    }
  }

  #sort(): void {
    const entries = [...this.#compiled].toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.#all = entries.map(([, { result }]) => result)
  }
}
