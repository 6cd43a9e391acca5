import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'

/** What OpenAPI v2 knows of a schema besides the parts that hold schemas themselves. */
const kept = new Set([
  '$ref',
  'default',
  'description',
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maximum',
  'maxItems',
  'maxLength',
  'maxProperties',
  'minimum',
  'minItems',
  'minLength',
  'minProperties',
  'multipleOf',
  'pattern',
  'required',
  'title',
  'type',
  'uniqueItems',
])

/**
 * A schema of OpenAPI v3 as one of v2. What v2 cannot say makes the schema wider: values that may be null, or of
 * several types, get no type at all, because clients check objects by it.
 */
export function schemaV2(schema: JsonObject): JsonObject {
  const reference = onlyReference(schema)
  if (reference !== undefined) return reference
  const result: JsonObject = {}
  for (const [key, value] of Object.entries(schema)) {
    if (value !== null && (kept.has(key) || key.startsWith('x-'))) result[key] = value
  }
  return isWide(schema) ? withoutShape(result) : withShape(result, schema)
}

/** What is nothing but a reference, with its own description at most. */
function onlyReference({ $ref, allOf, description }: JsonObject): JsonObject | undefined {
  const [only, ...others] = Array.isArray(allOf) ? allOf : []
  const target = $ref ?? (isJsonObject(only) && others.length === 0 ? only['$ref'] : undefined)
  if (typeof target !== 'string') return undefined
  const name = target.replace('#/components/schemas/', '#/definitions/')
  return typeof description === 'string' ? { description, $ref: name } : { $ref: name }
}

function isWide(schema: JsonObject): boolean {
  return (
    schema['nullable'] === true ||
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    (schema['type'] === 'array' && !isJsonObject(schema['items']))
  )
}

function withoutShape(result: JsonObject): JsonObject {
  const { type: _, required: __, ...rest } = result
  return rest
}

function withShape(result: JsonObject, schema: JsonObject): JsonObject {
  const { items, properties, additionalProperties, required } = schema
  if (isJsonObject(items)) result['items'] = schemaV2(items)
  if (isJsonObject(additionalProperties)) result['additionalProperties'] = schemaV2(additionalProperties)
  else if (additionalProperties === true) result['additionalProperties'] = true
  if (!isJsonObject(properties)) return result
  result['properties'] = Object.fromEntries(
    Object.entries(properties).map(([name, child]) => [name, isJsonObject(child) ? schemaV2(child) : {}]),
  )
  if (Array.isArray(required)) {
    // Clients take a required field that is null for one that is missing.
    const strict = required.filter((name) => !mayBeNull(properties, name))
    delete result['required']
    if (strict.length > 0) result['required'] = strict
  }
  return result
}

function mayBeNull(properties: JsonObject, name: Json): boolean {
  const child = typeof name === 'string' ? properties[name] : undefined
  return isJsonObject(child) && child['nullable'] === true
}
