import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { badRequest } from '../status-error.ts'
import { refuseProto } from './json-patch.ts'
import {
  deletedFrom,
  mergeKeyedList,
  mergeScalarList,
  orderedList,
  withoutDirectives,
} from './strategic-list.ts'
import { patchDoesNotApply } from './patch-error.ts'

/** What the patch needs to know of a kind: which lists are merged, and by which key. A read schema is one. */
export interface PatchSchema {
  readonly properties: ReadonlyMap<string, PatchSchema>
  readonly additionalProperties: PatchSchema | boolean | undefined
  readonly items: PatchSchema | undefined
  readonly listType: string | undefined
  readonly listMapKeys: readonly string[]
  /** `x-kubernetes-patch-merge-key`. */
  readonly patchMergeKey: string | undefined
  /** `x-kubernetes-patch-strategy`: `merge`, `replace`, `retainKeys`, or two of them with a comma. */
  readonly patchStrategy: string | undefined
}

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'

/**
 * Applies a strategic merge patch: like a merge patch, but lists that the schema says so are merged element by
 * element, and directives (`$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) say what a
 * plain value cannot. The input is never changed. Throws a StatusError: BadRequest for a malformed patch, Invalid for
 * one that does not fit.
 */
export function applyStrategicMergePatch(document: JsonObject, patch: Json, schema: PatchSchema): JsonObject {
  refuseProto(patch)
  if (!isJsonObject(patch)) throw badRequest('a strategic merge patch must be an object')
  const metadata: PatchSchema = schema.properties.get('metadata') ?? plain
  const properties = new Map(schema.properties).set('metadata', {
    ...metadata,
    properties: new Map([...metadataLists, ...metadata.properties]),
  })
  return mergeObject(document, patch, { ...schema, properties })
}

const plain: PatchSchema = {
  properties: new Map(),
  additionalProperties: undefined,
  items: undefined,
  listType: undefined,
  listMapKeys: [],
  patchMergeKey: undefined,
  patchStrategy: undefined,
}

/** Lists of ObjectMeta, which schemas of kinds leave out. */
const metadataLists = new Map<string, PatchSchema>([
  ['finalizers', { ...plain, patchStrategy: 'merge' }],
  ['ownerReferences', { ...plain, patchStrategy: 'merge', patchMergeKey: 'uid' }],
])

function mergeObject(original: JsonObject, patch: JsonObject, schema: PatchSchema): JsonObject {
  const directive = patch['$patch']
  if (directive === 'delete') return {}
  if (directive === 'replace') {
    const { $patch: _, ...rest } = patch
    return rest
  }
  if (directive !== undefined) throw badRequest(`unknown patch type: ${JSON.stringify(directive)}`)

  const result = retained(original, patch)
  const done = mergeOrderedLists(result, patch, schema)
  for (const key of Object.keys(patch)) {
    const value = patch[key]
    if (value === undefined || done.has(key) || key === '$retainKeys' || key.startsWith(orderPrefix)) continue
    if (key.startsWith(deletePrefix)) deleteFromList(result, key.slice(deletePrefix.length), value)
    else setMember(result, key, mergeMember(result[key], value, memberSchema(schema, key)))
  }
  return result
}

function setMember(object: JsonObject, key: string, value: Json | undefined): void {
  if (value === undefined) delete object[key]
  else object[key] = value
}

/** A copy of the object with only the keys that `$retainKeys` lists, when the patch has it. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keep = patch['$retainKeys']
  if (keep === undefined) return { ...original }
  if (!Array.isArray(keep)) throw badRequest('invalid patch format of retainKeys')
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$') || patch[key] === null || keep.includes(key)) continue
    throw patchDoesNotApply("patch doesn't contain all the fields in the retainKeys list")
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keep.includes(key)))
}

/** Merges the lists that `$setElementOrder` orders; returns the keys that are done with that. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, schema: PatchSchema): Set<string> {
  const done = new Set<string>()
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(orderPrefix)) continue
    const key = directive.slice(orderPrefix.length)
    const order = listOf(patch[directive], directive)
    const original = optionalList(result[key], key)
    const change = optionalList(patch[key], key)
    done.add(key)
    if (original === undefined && change === undefined) continue
    const list = memberSchema(schema, key)
    const merged = change === undefined ? (original ?? []) : mergeList(original ?? [], change, list)
    result[key] = orderedList(merged, order, { before: original ?? [], mergeKey: mergeKeyOf(list) })
  }
  return done
}

function optionalList(value: Json | undefined, key: string): Json[] | undefined {
  return value === undefined || value === null ? undefined : listOf(value, key)
}

function listOf(value: Json | undefined, key: string): Json[] {
  if (!Array.isArray(value)) throw badRequest(`${key} must be a list`)
  return value
}

function deleteFromList(result: JsonObject, key: string, items: Json): void {
  const current = result[key]
  if (!Array.isArray(items)) throw badRequest('invalid patch format of primitive list')
  if (Array.isArray(current)) result[key] = deletedFrom(current, items)
}

/** Undefined when the member goes. */
function mergeMember(original: Json | undefined, change: Json, schema: PatchSchema): Json | undefined {
  if (change === null) return undefined
  if (isJsonObject(original) && isJsonObject(change)) {
    return strategies(schema).includes('replace')
      ? withoutDirectives(change)
      : mergeObject(original, change, schema)
  }
  if (Array.isArray(original) && Array.isArray(change)) return mergeList(original, change, schema)
  return withoutDirectives(change)
}

function mergeList(original: Json[], change: Json[], schema: PatchSchema): Json[] {
  if (!mergesElements(schema)) return change
  const items = schema.items ?? plain
  const objects = [...original, ...change].some(isJsonObject)
  if (!objects) return mergeScalarList(original, change)
  const mergeKey = mergeKeyOf(schema)
  if (mergeKey === undefined) throw badRequest('cannot merge lists of objects without a merge key')
  return mergeKeyedList(original, change, { mergeKey, merge: (one, other) => mergeObject(one, other, items) })
}

function strategies({ patchStrategy }: PatchSchema): readonly string[] {
  return patchStrategy === undefined ? [] : patchStrategy.split(',')
}

function mergesElements(schema: PatchSchema): boolean {
  if (schema.patchStrategy !== undefined) return strategies(schema).includes('merge')
  return schema.listType === 'map' || schema.listType === 'set'
}

function mergeKeyOf({ patchMergeKey, listMapKeys }: PatchSchema): string | undefined {
  return patchMergeKey ?? listMapKeys[0]
}

function memberSchema({ properties, additionalProperties }: PatchSchema, key: string): PatchSchema {
  return properties.get(key) ?? (typeof additionalProperties === 'object' ? additionalProperties : plain)
}
