import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { SchemaNode } from './schema-node.ts'

/**
 * A value and the stored value that it updates, matched as Kubernetes matches them: fields and map entries by key,
 * elements of lists of type `map` by their keys, elements of other lists not at all. What is invalid but unchanged is
 * tolerated on update, and transition rules see the old value through this.
 */
export class Correlation {
  readonly #schema: SchemaNode
  readonly #value: Json
  readonly old: Json

  constructor(schema: SchemaNode, value: Json, old: Json) {
    this.#schema = schema
    this.#value = value
    this.old = old
  }

  /** The correlation of a field, undefined when either side lacks it or the schema does not know it. */
  key(name: string): Correlation | undefined {
    if (!isJsonObject(this.#value) || !isJsonObject(this.old)) return undefined
    const schema = childSchema(this.#schema, name)
    const value = this.#value[name]
    const old = this.old[name]
    if (schema === undefined || value === undefined || old === undefined) return undefined
    return new Correlation(schema, value, old)
  }

  /** The correlation of a list element, undefined when it has no counterpart. */
  index(index: number): Correlation | undefined {
    const { items, listMapKeys, listType } = this.#schema
    if (
      !Array.isArray(this.#value) ||
      !Array.isArray(this.old) ||
      listType !== 'map' ||
      items === undefined
    ) {
      return undefined
    }
    const value = this.#value[index]
    if (!isJsonObject(value)) return undefined
    const old = this.old.find(
      (candidate) => isJsonObject(candidate) && sameKeys(candidate, value, listMapKeys),
    )
    return old === undefined ? undefined : new Correlation(items, value, old)
  }

  /** True when nothing changed, lists of type `map` compared regardless of order. */
  get unchanged(): boolean {
    const { old } = this
    const value = this.#value
    if (Array.isArray(value) && Array.isArray(old)) return this.#listUnchanged(value, old)
    if (isJsonObject(value) && isJsonObject(old)) return this.#objectUnchanged(value, old)
    return jsonEqual(value, old)
  }

  #listUnchanged(value: Json[], old: Json[]): boolean {
    if (value.length !== old.length) return false
    if (this.#schema.listType !== 'map') return jsonEqual(value, old)
    return value.every((_, index) => this.index(index)?.unchanged === true)
  }

  #objectUnchanged(value: JsonObject, old: JsonObject): boolean {
    const keys = Object.keys(value)
    if (keys.length !== Object.keys(old).length) return false
    return keys.every((key) => this.key(key)?.unchanged === true)
  }
}

function childSchema(schema: SchemaNode, name: string): SchemaNode | undefined {
  const property = schema.properties.get(name)
  if (property !== undefined) return property
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

function sameKeys(a: JsonObject, b: JsonObject, keys: readonly string[]): boolean {
  return keys.every((key) => jsonEqual(a[key], b[key]))
}
