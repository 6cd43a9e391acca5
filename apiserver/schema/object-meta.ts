import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { pathText, type PathStep } from './field-path.ts'

type Known = 'scalar' | 'strings' | ReadonlyMap<string, Known>

const ownerReference = fields(['apiVersion', 'kind', 'name', 'uid', 'controller', 'blockOwnerDeletion'])
const managedFields = new Map<string, Known>([
  ...fields(['manager', 'operation', 'apiVersion', 'time', 'fieldsType', 'subresource']),
  // FieldsV1 is free-form.
  ['fieldsV1', 'strings'],
])

const objectMeta = new Map<string, Known>([
  ...fields(['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation']),
  ...fields(['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']),
  ['labels', 'strings'],
  ['annotations', 'strings'],
  ['finalizers', 'strings'],
  ['ownerReferences', ownerReference],
  ['managedFields', managedFields],
])

function fields(names: string[]): Map<string, Known> {
  return new Map(names.map((name) => [name, 'scalar']))
}

/**
 * Drops fields that ObjectMeta does not have, adding their paths to `unknown`, and the empty `creationTimestamp: null`
 * that clients write. Returns the value itself when there was nothing to drop.
 */
export function pruneMetadata(metadata: Json, path: readonly PathStep[], unknown: string[]): Json {
  if (!isJsonObject(metadata)) return metadata
  const pruned = pruneKnown(metadata, objectMeta, path, unknown)
  if (pruned['creationTimestamp'] !== null) return pruned
  const { creationTimestamp: _, ...rest } = pruned
  return rest
}

function pruneKnown(
  object: JsonObject,
  known: ReadonlyMap<string, Known>,
  path: readonly PathStep[],
  unknown: string[],
): JsonObject {
  let result = object
  for (const key in object) {
    const value = object[key]
    const shape = known.get(key)
    if (value === undefined) continue
    const kept = shape === undefined ? undefined : pruneShape(value, shape, [...path, key], unknown)
    if (kept === value) continue
    if (result === object) result = { ...object }
    if (kept === undefined) {
      unknown.push(pathText([...path, key]))
      delete result[key]
    } else result[key] = kept
  }
  return result
}

function pruneShape(value: Json, shape: Known, path: readonly PathStep[], unknown: string[]): Json {
  if (typeof shape === 'string' || !Array.isArray(value)) return value
  let result = value
  for (const [index, item] of value.entries()) {
    if (!isJsonObject(item)) continue
    const kept = pruneKnown(item, shape, [...path, index], unknown)
    if (kept === item) continue
    if (result === value) result = [...value]
    result[index] = kept
  }
  return result
}
