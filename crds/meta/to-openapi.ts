import { RE2JS } from 're2js'
import { z } from 'zod'
import { isJsonObject, type Json, type JsonObject } from './json.ts'

/** A schema that cannot become a structural CRD schema; says where and what to write instead. */
export class SchemaNotStructuralError extends Error {
  override readonly name = 'SchemaNotStructuralError'
}

/** Keys of a field's meta that are ours: documentation, not part of the CRD. */
const ownKeys = new Set(['effect', '$schema', 'id'])

const refused: Record<string, string> = {
  oneOf: 'use sibling optional objects and a CEL rule instead of a union',
  $ref: 'write the schema out: references and recursion are not structural',
  definitions: 'write the schema out: references and recursion are not structural',
  not: 'use a CEL rule',
  if: 'use a CEL rule',
}

/**
 * Turns a zod schema into a structural OpenAPI v3 schema as `apiextensions.k8s.io/v1` asks for, and refuses what
 * would be lost or is not allowed there. `.refine()` leaves no trace in JSON Schema: cross-field rules belong in
 * `.meta({ 'x-kubernetes-validations': … })`.
 */
export function toOpenApi(schema: z.ZodType, path = ''): JsonObject {
  const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' })
  return structural(json as JsonObject, path)
}

function structural(node: JsonObject, path: string): JsonObject {
  for (const [key, advice] of Object.entries(refused)) {
    if (node[key] !== undefined)
      throw new SchemaNotStructuralError(`${path || '.'}: ${key} is not structural: ${advice}`)
  }
  const out: JsonObject = {}
  for (const [key, value] of Object.entries(node)) {
    if (!ownKeys.has(key) && value !== undefined) out[key] = value
  }
  if (out['x-kubernetes-int-or-string'] !== true) checkTyped(out, path)
  dropSafeIntegerBounds(out)
  checkPattern(out, path)
  return descend(out, path)
}

function checkTyped(node: JsonObject, path: string): void {
  if (node['anyOf'] !== undefined || node['allOf'] !== undefined) {
    throw new SchemaNotStructuralError(
      `${path || '.'}: several schemas for one value: use sibling fields or a single pattern`,
    )
  }
  if (typeof node['type'] !== 'string' && node['x-kubernetes-preserve-unknown-fields'] !== true) {
    throw new SchemaNotStructuralError(`${path || '.'}: no type: give the value a shape`)
  }
  if (node['additionalProperties'] === false) {
    throw new SchemaNotStructuralError(
      `${path || '.'}: strict objects are not structural: unknown fields are pruned anyway`,
    )
  }
  if (node['additionalProperties'] !== undefined && node['properties'] !== undefined) {
    throw new SchemaNotStructuralError(
      `${path || '.'}: properties and additionalProperties exclude each other`,
    )
  }
}

// z.int() prints the limits of a double as bounds; they say nothing about the field.
function dropSafeIntegerBounds(node: JsonObject): void {
  if (node['minimum'] === Number.MIN_SAFE_INTEGER) delete node['minimum']
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum']
}

// Kubernetes compiles patterns with Go's RE2: look-arounds and back-references do not exist there.
function checkPattern(node: JsonObject, path: string): void {
  if (typeof node['pattern'] !== 'string') return
  try {
    RE2JS.compile(node['pattern'])
  } catch (error) {
    throw new SchemaNotStructuralError(`${path}: the pattern is not RE2: ${node['pattern']}`, {
      cause: error,
    })
  }
}

function descend(node: JsonObject, path: string): JsonObject {
  const { properties, items, additionalProperties } = node
  if (isJsonObject(properties))
    node['properties'] = mapValues(properties, (child, name) => structural(child, `${path}.${name}`))
  if (isJsonObject(items)) node['items'] = structural(items, `${path}[]`)
  if (isJsonObject(additionalProperties))
    node['additionalProperties'] = structural(additionalProperties, `${path}{}`)
  // Kubernetes knows no propertyNames; the limit on keys is the label syntax, checked where labels are used.
  delete node['propertyNames']
  return node
}

function mapValues(object: JsonObject, change: (child: JsonObject, name: string) => Json): JsonObject {
  const out: JsonObject = {}
  for (const [name, child] of Object.entries(object)) {
    if (!isJsonObject(child)) throw new SchemaNotStructuralError(`${name}: not a schema`)
    out[name] = change(child, name)
  }
  return out
}
