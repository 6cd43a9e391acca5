import { isJsonObject, type Json, type JsonObject } from '../crds/meta/json.ts'
import type { ServedResource } from './discovery.ts'
import { text } from './object-metadata.ts'

// Schemas may contain themselves.
const maxDepth = 16

/** The schemas of an OpenAPI v3 document, with references followed. */
export class OpenApiSchemas {
  readonly #schemas: JsonObject

  constructor(document: JsonObject) {
    const components = isJsonObject(document['components']) ? document['components'] : {}
    this.#schemas = isJsonObject(components['schemas']) ? components['schemas'] : {}
  }

  ofKind({
    group,
    version,
    kind,
  }: Pick<ServedResource, 'group' | 'version' | 'kind'>): JsonObject | undefined {
    return Object.values(this.#schemas)
      .filter(isJsonObject)
      .find((schema) => {
        const gvks = schema['x-kubernetes-group-version-kind']
        const matches = (gvk: Json) =>
          isJsonObject(gvk) && gvk['group'] === group && gvk['version'] === version && gvk['kind'] === kind
        return Array.isArray(gvks) && gvks.some(matches)
      })
  }

  /** The schema of a field of an object, of a list's items or of a map's values. */
  field(schema: JsonObject, name: string): JsonObject | undefined {
    const properties = this.properties(schema)
    const found = Object.hasOwn(properties, name) ? properties[name] : undefined
    return isJsonObject(found) ? found : undefined
  }

  /** The fields below a schema, through lists and maps. */
  properties(schema: JsonObject): JsonObject {
    const resolved = this.resolve(schema)
    if (isJsonObject(resolved['properties'])) return resolved['properties']
    for (const key of ['items', 'additionalProperties']) {
      const below = resolved[key]
      if (isJsonObject(below)) return this.properties(below)
    }
    return {}
  }

  /** Names of the fields that must be there. */
  required(schema: JsonObject): readonly string[] {
    const resolved = this.resolve(schema)
    const below = resolved['items'] ?? resolved['additionalProperties']
    if (!isJsonObject(resolved['properties']) && isJsonObject(below)) return this.required(below)
    const { required } = resolved
    return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []
  }

  /** With what it refers to; a description of its own wins. */
  resolve(schema: JsonObject, depth: number = 0): JsonObject {
    const target = this.#target(schema)
    if (target === undefined || depth > maxDepth) return schema
    return { ...this.resolve(target, depth + 1), ...ownDescription(schema) }
  }

  /** Its own description, then those of what it refers to or consists of. */
  descriptions(schema: JsonObject, depth: number = 0): string[] {
    const own = text(schema['description'])
    const next = [this.#target(schema), schema['items'], schema['additionalProperties']].find(isJsonObject)
    const below = next === undefined || depth > maxDepth ? [] : this.descriptions(next, depth + 1)
    return own === '' ? below : [own, ...below]
  }

  #target(schema: JsonObject): JsonObject | undefined {
    const reference = referenceIn(schema)
    const target = reference === undefined ? undefined : this.#schemas[nameIn(reference)]
    return isJsonObject(target) ? target : undefined
  }

  /** `string`, `[]Object`, `map[string]string`, `ObjectMeta`. */
  typeOf(schema: JsonObject): string {
    const reference = referenceIn(schema)
    if (reference !== undefined) {
      const type = text(this.resolve(schema)['type'])
      return type === '' || type === 'object' ? (nameIn(reference).split('.').at(-1) ?? 'Object') : type
    }
    const { items, additionalProperties } = schema
    if (isJsonObject(items)) return `[]${this.typeOf(items)}`
    if (isJsonObject(additionalProperties)) return `map[string]${this.typeOf(additionalProperties)}`
    const type = text(schema['type'])
    return type === '' || type === 'object' ? 'Object' : type
  }
}

function ownDescription(schema: JsonObject): JsonObject {
  return typeof schema['description'] === 'string' ? { description: schema['description'] } : {}
}

/** Of `$ref`, or of the only schema in `allOf`. */
function referenceIn(schema: JsonObject): string | undefined {
  if (typeof schema['$ref'] === 'string') return schema['$ref']
  const { allOf } = schema
  const [only] = Array.isArray(allOf) && allOf.length === 1 ? allOf : []
  return isJsonObject(only) ? referenceIn(only) : undefined
}

function nameIn(reference: string): string {
  return reference.replace(/^#\/components\/schemas\//, '')
}
