import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { FieldSet } from './field-set.ts'
import {
  fieldOf,
  kindOf,
  storedListElement,
  type FieldType,
  type ListType,
  type MapType,
} from './field-type.ts'
import { fieldElement } from './path-element.ts'

/** An object without the fields and list elements that the set names; shares what is left with the original. */
export function removeItems(type: FieldType, object: JsonObject, items: FieldSet): JsonObject {
  return (remove(type, object, items) ?? {}) as JsonObject
}

/** Undefined when nothing is left. */
function remove(type: FieldType, value: Json, items: FieldSet): Json | undefined {
  if (items.isEmpty) return value
  const kind = kindOf(type, value)
  if (kind === 'list' && type.list !== undefined && Array.isArray(value))
    return removeFromList(type.list, value, items)
  if (kind === 'map' && type.map !== undefined && isJsonObject(value))
    return removeFromMap(type.map, value, items)
  return value
}

function removeFromMap(map: MapType, object: JsonObject, items: FieldSet): Json | undefined {
  if (map.atomic) return undefined
  let result = object
  for (const [element, { member, children }] of items.entries) {
    const name = element.slice(2)
    const value = element === fieldElement(name) ? object[name] : undefined
    if (value === undefined) continue
    const left = member || children === undefined ? undefined : remove(fieldOf(map, name), value, children)
    if (left === value) continue
    if (result === object) result = { ...object }
    if (member) delete result[name]
    // What is emptied but not removed itself is left as null.
    else result[name] = left ?? null
  }
  return Object.keys(result).length === 0 ? undefined : result
}

function removeFromList(list: ListType, values: Json[], items: FieldSet): Json | undefined {
  if (list.atomic) return undefined
  const kept: Json[] = []
  for (const [index, value] of values.entries()) {
    const element = storedListElement(list, value, index)
    if (items.isMember(element)) continue
    const left = remove(list.element, value, items.below(element))
    if (left !== undefined) kept.push(left)
  }
  if (kept.length === values.length && kept.every((value, index) => value === values[index])) return values
  return kept.length === 0 ? undefined : kept
}
