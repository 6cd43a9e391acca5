import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition } from './resource-definition.ts'

/** Lists and maps that Kubernetes writes out even when they are empty. */
const kept = new Set(['rules', 'conditions', 'storedVersions'])

/**
 * An object without lists and maps that have nothing in them, in metadata and everywhere in built-in kinds: Kubernetes
 * does not tell an empty one from one that was left out. Structs stay, and so does what the schema requires. Returns
 * the object itself when nothing goes.
 */
export function withoutEmptyFields({ schema, custom }: ResourceDefinition, object: KubeObject): KubeObject {
  const given = withoutEmptyMeta(object)
  return custom ? given : (strip(schema.compiled.root, given) as KubeObject)
}

function withoutEmptyMeta(object: KubeObject): KubeObject {
  const entries = Object.entries(object.metadata)
  const left = entries.filter(([, value]) => !hasNothing(value))
  return left.length === entries.length ? object : { ...object, metadata: Object.fromEntries(left) }
}

const hasNothing = (value: Json | undefined) =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0)

function strip(node: SchemaNode, value: Json): Json {
  if (Array.isArray(value)) return node.items === undefined ? value : stripItems(node.items, value)
  if (!isJsonObject(value)) return value
  const { additionalProperties } = node
  if (typeof additionalProperties === 'object') return stripMembers(value, () => additionalProperties)
  return stripMembers(value, (name) => node.properties.get(name), node.required)
}

function stripItems(items: SchemaNode, list: Json[]): Json[] {
  const result = list.map((item) => strip(items, item))
  return result.every((item, index) => item === list[index]) ? list : result
}

/** Members of a map stay even when empty; `required` is given for structs alone. */
function stripMembers(
  object: JsonObject,
  nodeOf: (name: string) => SchemaNode | undefined,
  required?: readonly string[],
): JsonObject {
  let result = object
  for (const name in object) {
    const node = nodeOf(name)
    const value = object[name]
    if (node === undefined || value === undefined) continue
    const left = strip(node, value)
    const goes = required !== undefined && isEmpty(node, left) && !required.includes(name) && !kept.has(name)
    if (left === value && !goes) continue
    if (result === object) result = { ...object }
    if (goes) delete result[name]
    else result[name] = left
  }
  return result
}

function isEmpty({ additionalProperties }: SchemaNode, value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0
  return additionalProperties !== undefined && isJsonObject(value) && Object.keys(value).length === 0
}
