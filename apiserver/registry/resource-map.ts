import { apiVersionOf, type ResourceDefinition } from './resource-definition.ts'

/**
 * Everything that is served right now. Built-in kinds are put in at the start, those of CRDs come and go;
 * readers see a change at once.
 */
export class ResourceMap {
  readonly #bySource = new Map<string, readonly ResourceDefinition[]>()
  readonly #listeners = new Set<() => void>()
  #byPath = new Map<string, ResourceDefinition>()
  #generation = 0

  /** Grows with every change: caches of discovery documents key on it. */
  get generation(): number {
    return this.#generation
  }

  /** Replaces what `source` (such as a CRD's name) contributes; an empty list withdraws it. */
  publish(source: string, definitions: readonly ResourceDefinition[]): void {
    if (definitions.length === 0) this.#bySource.delete(source)
    else this.#bySource.set(source, definitions)
    this.#byPath = new Map()
    for (const definition of this.all()) {
      this.#byPath.set(pathOf(definition.group, definition.version, definition.plural), definition)
    }
    this.#generation += 1
    for (const listener of this.#listeners) listener()
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.#byPath.get(pathOf(group, version, plural))
  }

  /** The served version that matches a kind; any version of the group when `version` is left out. */
  findKind(group: string, kind: string, version?: string): ResourceDefinition | undefined {
    return this.all().find(
      (definition) =>
        definition.group === group &&
        definition.kind === kind &&
        (version === undefined || definition.version === version),
    )
  }

  all(): ResourceDefinition[] {
    return [...this.#bySource.values()].flat()
  }

  /** One definition per stored resource: in the version that it is stored in, which needs no conversion, if served. */
  distinct(): ResourceDefinition[] {
    const byPrefix = new Map<string, ResourceDefinition>()
    for (const definition of this.all()) {
      const { prefix, apiVersion } = definition.stored
      if (!byPrefix.has(prefix) || apiVersionOf(definition) === apiVersion) byPrefix.set(prefix, definition)
    }
    return [...byPrefix.values()]
  }

  hasGroupVersion(group: string, version: string): boolean {
    return this.all().some((definition) => definition.group === group && definition.version === version)
  }

  /** Calls `listener` after every change; the returned function stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

const pathOf = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`
