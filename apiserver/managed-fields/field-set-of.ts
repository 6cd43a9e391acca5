import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { FieldSet, FieldSetBuilder, type FieldEntry } from './field-set.ts'
import {
  fallbackKind,
  fieldOf,
  kindOf,
  storedListElement,
  type FieldType,
  type ListType,
  type MapType,
} from './field-type.ts'
import { fieldElement, fieldName, type PathElement } from './path-element.ts'

/** Every leaf of an object, and every element of its associative lists and maps: what an applier owns. */
export function fieldSetOf(type: FieldType, object: JsonObject): FieldSet {
  const builder = new FieldSetBuilder()
  collect(type, object, { parent: undefined, element: '', self: () => builder })
  return builder.build()
}

interface Spot {
  readonly parent: FieldSetBuilder | undefined
  readonly element: PathElement
  /** The builder for what is below, made when something is. */
  readonly self: () => FieldSetBuilder
}

function collect(type: FieldType, value: Json, spot: Spot): void {
  const kind = kindOf(type, value) ?? fallbackKind(type)
  const { list, map } = type
  if (ownedAsWhole(type, kind)) spot.parent?.add(spot.element)
  else if (Array.isArray(value)) {
    if (list !== undefined) collectList(list, value, spot.self())
  } else if (isJsonObject(value) && map !== undefined) collectMap(map, value, spot.self())
}

function ownedAsWhole({ list, map }: FieldType, kind: ReturnType<typeof fallbackKind>): boolean {
  if (kind === 'scalar') return true
  return kind === 'list' ? list?.atomic === true : map?.atomic === true
}

function collectMap(map: MapType, object: JsonObject, builder: FieldSetBuilder): void {
  for (const name in object) {
    const value = object[name]
    if (value === undefined) continue
    const element = fieldElement(name)
    collect(fieldOf(map, name), value, { parent: builder, element, self: () => builder.below(element) })
    if (isEmptyMap(value) || !map.fields.has(name)) builder.add(element)
  }
}

/** Null and `{}` have no leaves and are owned themselves. */
function isEmptyMap(value: Json): boolean {
  if (typeof value !== 'object' || Array.isArray(value)) return false
  for (const key in value) if (value?.[key] !== undefined) return false
  return true
}

function collectList(list: ListType, items: Json[], builder: FieldSetBuilder): void {
  const elements = items.map((item, index) => storedListElement(list, item, index))
  const repeated = new Set(elements.filter((element, index) => elements.indexOf(element) !== index))
  for (const [index, element] of elements.entries()) {
    builder.add(element)
    if (repeated.has(element)) continue
    collect(list.element, items[index] ?? null, {
      parent: builder,
      element,
      self: () => builder.below(element),
    })
  }
}

/**
 * Adds the named fields that lead to members, so that removing the last of these removes the field too. Fields of
 * open-ended maps are not named: their owners hold them explicitly.
 */
export function withNamedFields(set: FieldSet, type: FieldType): FieldSet {
  if (set.isEmpty) return set
  let result: Map<PathElement, FieldEntry> | undefined
  for (const [element, entry] of set.entries) {
    if (entry.children === undefined) continue
    const name = fieldName(element)
    const named = name !== undefined && type.map?.fields.has(name) === true
    const children = withNamedFields(entry.children, childType(type, element))
    const member = entry.member || named
    if (member === entry.member && children === entry.children) continue
    result ??= new Map(set.entries)
    result.set(element, { member, children })
  }
  return result === undefined ? set : new FieldSet(result)
}

/** The type of what an element leads to. */
export function childType(type: FieldType, element: PathElement): FieldType {
  const name = fieldName(element)
  const { map, list } = type
  if (name !== undefined)
    return fieldOf(map ?? { atomic: false, fields: new Map(), element: undefined }, name)
  return list?.element ?? type
}

/** A set as recorded, with what has become atomic since owned as a whole. */
export function reconciledWithType(set: FieldSet, type: FieldType): FieldSet {
  let result: Map<PathElement, FieldEntry> | undefined
  for (const [element, entry] of set.entries) {
    if (entry.children === undefined) continue
    const child = childType(type, element)
    const atomic = ownedAsWhole(child, fallbackKind(child)) && !child.scalar
    const children = atomic ? undefined : reconciledWithType(entry.children, child)
    if (children === entry.children) continue
    result ??= new Map(set.entries)
    result.set(element, { member: entry.member || atomic, children })
  }
  return result === undefined ? set : new FieldSet(result)
}
