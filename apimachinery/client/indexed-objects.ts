import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'

type IndexFunction<T extends KubeObject> = (object: Stored<T>) => readonly string[]

interface Index<T extends KubeObject> {
  readonly valuesOf: IndexFunction<T>
  readonly keys: Map<string, Set<string>>
}

/** Objects by key, and their keys by the values that index functions give them. */
export class IndexedObjects<T extends KubeObject> {
  readonly #objects = new Map<string, Stored<T>>()
  readonly #indexes = new Map<string, Index<T>>()

  /** An index function that throws is reported, and the object not found by that index. */
  constructor(
    indexes: Readonly<Record<string, IndexFunction<T>>>,
    report: (index: string, error: unknown) => void,
  ) {
    for (const [name, valuesOf] of Object.entries(indexes)) {
      const guarded: IndexFunction<T> = (object) => {
        try {
          return valuesOf(object)
        } catch (error) {
          report(name, error)
          return []
        }
      }
      this.#indexes.set(name, { valuesOf: guarded, keys: new Map() })
    }
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key)
  }

  keys(): Iterable<string> {
    return this.#objects.keys()
  }

  entries(): [string, Stored<T>][] {
    return [...this.#objects]
  }

  list(namespace?: string): Stored<T>[] {
    const all = [...this.#objects.values()]
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace)
  }

  byIndex(name: string, value: string): Stored<T>[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new Error(`there is no index ${name}`)
    const found: Stored<T>[] = []
    for (const key of index.keys.get(value) ?? []) {
      const object = this.#objects.get(key)
      if (object !== undefined) found.push(object)
    }
    return found
  }

  put(key: string, object: Stored<T>): void {
    const before = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const index of this.#indexes.values()) {
      if (before !== undefined) unindex(index, key, before)
      for (const value of index.valuesOf(object)) {
        const keys = index.keys.get(value)
        if (keys === undefined) index.keys.set(value, new Set([key]))
        else keys.add(key)
      }
    }
  }

  remove(key: string): Stored<T> | undefined {
    const before = this.#objects.get(key)
    if (before === undefined) return undefined
    this.#objects.delete(key)
    for (const index of this.#indexes.values()) unindex(index, key, before)
    return before
  }
}

function unindex<T extends KubeObject>({ valuesOf, keys }: Index<T>, key: string, object: Stored<T>): void {
  for (const value of valuesOf(object)) {
    const found = keys.get(value)
    found?.delete(key)
    if (found?.size === 0) keys.delete(value)
  }
}
