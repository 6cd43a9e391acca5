import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import type { CompiledSchema } from '../schema/structural.ts'
import { indexElement, keyElement, valueElement, type PathElement } from './path-element.ts'

export interface ListType {
  /** Owned and replaced as a whole. */
  readonly atomic: boolean
  /** The keys of a list of type `map`; empty for a set. */
  readonly keys: readonly string[]
  /** Defaults of the keys, which stand in when an element does not say. */
  readonly keyDefaults: JsonObject
  readonly element: FieldType
}

export interface MapType {
  readonly atomic: boolean
  readonly fields: ReadonlyMap<string, FieldType>
  /** The type of fields that are not named; undefined when there must be none. */
  readonly element: FieldType | undefined
}

/** How ownership treats a value: what it may be, and how each of these is taken apart. */
export interface FieldType {
  readonly scalar: boolean
  /** What a scalar has to be; undefined when any will do. */
  readonly scalarType?: 'string' | 'numeric' | 'boolean'
  readonly list: ListType | undefined
  readonly map: MapType | undefined
}

const scalarOf = (scalarType?: FieldType['scalarType']): FieldType => ({
  scalar: true,
  ...(scalarType && { scalarType }),
  list: undefined,
  map: undefined,
})
const scalar = scalarOf()
const text = scalarOf('string')

/** Anything, owned as a whole. */
const untyped: FieldType = anything((self) => ({ atomic: true, fields: new Map(), element: self }))

/** Anything: objects are taken apart, lists are owned as a whole. */
export const deducedType: FieldType = anything((self) => ({
  atomic: false,
  fields: new Map(),
  element: self,
}))

function anything(map: (self: FieldType) => MapType): FieldType {
  const type: { scalar: boolean; list: ListType | undefined; map: MapType | undefined } = {
    scalar: true,
    list: undefined,
    map: undefined,
  }
  type.list = { atomic: true, keys: [], keyDefaults: {}, element: type }
  type.map = map(type)
  return type
}

const cache = new WeakMap<CompiledSchema, FieldType>()

/** The ownership type of a kind's objects, made once per schema; everything is deduced when there is no schema. */
export function fieldTypeOf(schema: CompiledSchema | undefined): FieldType {
  if (schema === undefined) return deducedType
  let type = cache.get(schema)
  if (type === undefined) {
    type = rootType(schema.root)
    cache.set(schema, type)
  }
  return type
}

function rootType(root: SchemaNode): FieldType {
  const type = typeOf(root, false)
  const fields = new Map(type.map?.fields)
  fields.set('apiVersion', text)
  fields.set('kind', text)
  fields.set('metadata', objectMetaType())
  return { scalar: false, list: undefined, map: { atomic: false, fields, element: type.map?.element } }
}

function objectMetaType(): FieldType {
  const names = ['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation']
  const times = ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']
  const fields = new Map<string, FieldType>([...names, ...times].map((name) => [name, scalar]))
  const strings = mapOf(new Map(), text)
  fields.set('labels', strings)
  fields.set('annotations', strings)
  fields.set('finalizers', listOf({ atomic: false, keys: [], keyDefaults: {}, element: scalar }))
  const owner = new Map(
    ['apiVersion', 'kind', 'name', 'uid', 'controller', 'blockOwnerDeletion'].map((name) => [name, scalar]),
  )
  const ownerType: FieldType = {
    scalar: false,
    list: undefined,
    map: { atomic: true, fields: owner, element: undefined },
  }
  fields.set('ownerReferences', listOf({ atomic: false, keys: ['uid'], keyDefaults: {}, element: ownerType }))
  fields.set('managedFields', listOf({ atomic: true, keys: [], keyDefaults: {}, element: untyped }))
  return mapOf(fields, undefined)
}

function mapOf(
  fields: ReadonlyMap<string, FieldType>,
  element: FieldType | undefined,
  atomic = false,
): FieldType {
  return { scalar: false, list: undefined, map: { atomic, fields, element } }
}

function listOf(list: ListType): FieldType {
  return { scalar: false, list, map: undefined }
}

function typeOf(node: SchemaNode, inheritedPreserve: boolean): FieldType {
  const preserve = inheritedPreserve || node.preserveUnknownFields
  switch (node.type) {
    case 'object':
      return mapOf(...objectParts(node, preserve))
    case 'array':
      return listOf(listType(node, preserve))
    case '': {
      const [fields, element, atomic] = objectParts(node, preserve)
      return { scalar: true, list: listType(node, preserve), map: { atomic, fields, element } }
    }
    case 'string':
      return text
    case 'boolean':
      return scalarOf('boolean')
    case 'integer':
    case 'number':
      return scalarOf('numeric')
    default:
      return scalar
  }
}

function objectParts(
  node: SchemaNode,
  preserve: boolean,
): [ReadonlyMap<string, FieldType>, FieldType | undefined, boolean] {
  const fields = new Map<string, FieldType>()
  for (const [name, child] of node.properties) fields.set(name, typeOf(child, preserve))
  if (node.embeddedResource) fields.set('metadata', objectMetaType())
  return [fields, elementType(node, preserve), node.mapType === 'atomic']
}

function elementType(node: SchemaNode, preserve: boolean): FieldType | undefined {
  const { additionalProperties } = node
  if (typeof additionalProperties === 'object') return typeOf(additionalProperties, preserve)
  if (additionalProperties !== undefined) return additionalProperties ? deducedType : undefined
  return preserve || node.properties.size === 0 ? deducedType : undefined
}

function listType(node: SchemaNode, preserve: boolean): ListType {
  const element = node.items === undefined ? untyped : typeOf(node.items, preserve)
  const keys = listKeys(node)
  const keyDefaults: JsonObject = {}
  for (const key of keys ?? []) {
    const initial = node.items?.properties.get(key)?.default
    if (initial !== undefined) keyDefaults[key] = initial
  }
  return { atomic: keys === undefined, keys: keys ?? [], keyDefaults, element }
}

/** The keys of an associative list, none for a set, undefined for an atomic list. */
function listKeys({
  listType: type,
  listMapKeys,
  patchStrategy,
  patchMergeKey,
}: SchemaNode): readonly string[] | undefined {
  if (type === 'map') return listMapKeys
  if (type === 'set') return []
  if (type !== undefined || patchStrategy === undefined) return undefined
  if (!patchStrategy.split(',').includes('merge')) return undefined
  return patchMergeKey === undefined ? [] : [patchMergeKey]
}

/** The one kind of value that `type` is for `value`; undefined for null and for what the type does not allow. */
export function kindOf(type: FieldType, value: Json | undefined): 'scalar' | 'list' | 'map' | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value)) return type.list === undefined ? undefined : 'list'
  if (typeof value === 'object') return type.map === undefined ? undefined : 'map'
  return type.scalar ? 'scalar' : undefined
}

/** What a type is when the value does not tell: null, or a value of another kind. */
export function fallbackKind(type: FieldType): 'scalar' | 'list' | 'map' {
  if (type.map !== undefined) return 'map'
  return type.scalar ? 'scalar' : 'list'
}

/** The type of a field; what the schema does not know is deduced. */
export function fieldOf(map: MapType, name: string): FieldType {
  return map.fields.get(name) ?? map.element ?? deducedType
}

/**
 * What tells an element of an associative list from the others. Returns the complaint as `{ error }` when it has no
 * keys or is of the wrong kind.
 */
export function listElement(list: ListType, item: Json): PathElement | { readonly error: string } {
  if (list.keys.length === 0) return setElement(item)
  if (item === null) return { error: 'associative list with keys may not have a null element' }
  if (!isJsonObject(item)) return { error: 'associative list with keys may not have non-map elements' }
  const keys: JsonObject = {}
  for (const key of list.keys) {
    const value = item[key] ?? list.keyDefaults[key]
    if (value !== undefined) keys[key] = value
  }
  if (Object.keys(keys).length > 0) return keyElement(keys)
  const names = list.keys.map((key) => JSON.stringify(key)).join(' ')
  return {
    error: `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
  }
}

function setElement(item: Json): PathElement | { readonly error: string } {
  if (item === null) return { error: "associative list without keys has an element that's an explicit null" }
  if (Array.isArray(item)) return { error: 'not supported: associative list with lists as elements' }
  if (typeof item === 'object')
    return { error: "associative list without keys has an element that's a map type" }
  return valueElement(item)
}

/** As `listElement`, for stored objects: what cannot be told apart by its keys is told by its index. */
export function storedListElement(list: ListType, item: Json, index: number): PathElement {
  const element = listElement(list, item)
  return typeof element === 'string' ? element : indexElement(index)
}
