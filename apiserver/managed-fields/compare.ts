import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { FieldSet, FieldSetBuilder } from './field-set.ts'
import {
  fallbackKind,
  fieldOf,
  kindOf,
  storedListElement,
  type FieldType,
  type ListType,
  type MapType,
} from './field-type.ts'
import { fieldElement, type PathElement } from './path-element.ts'

/** What changed between two objects. No path is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

const same: Comparison = { added: FieldSet.empty, modified: FieldSet.empty, removed: FieldSet.empty }

/** Compares two objects of a kind field by field; parts that are the same object are not looked into. */
export function compareObjects(type: FieldType, before: JsonObject, after: JsonObject): Comparison {
  if (before === after) return same
  const walk = new CompareWalk()
  walk.compare(type, before, after)
  return { added: walk.added.build(), modified: walk.modified.build(), removed: walk.removed.build() }
}

class CompareWalk {
  readonly added = new FieldSetBuilder()
  readonly modified = new FieldSetBuilder()
  readonly removed = new FieldSetBuilder()
  readonly #path: PathElement[] = []

  /** At least one of the values is given. */
  compare(type: FieldType, before: Json | undefined, after: Json | undefined): void {
    if (before === after) return
    const kinds = kindsToCompare(type, before, after)
    let asWhole = false
    for (const kind of kinds) asWhole = this.#compareAs(kind, type, before, after)
    if (asWhole) return
    if (before === undefined) this.added.insert(this.#path)
    else if (after === undefined) this.removed.insert(this.#path)
  }

  /** Returns true when the value was compared as a whole. */
  #compareAs(kind: Kind, type: FieldType, before: Json | undefined, after: Json | undefined): boolean {
    if (kind === 'list' && type.list !== undefined) return this.#compareLists(type.list, before, after)
    if (kind === 'map' && type.map !== undefined) return this.#compareMaps(type.map, before, after)
    return this.#leaf(before, after)
  }

  #leaf(before: Json | undefined, after: Json | undefined): true {
    if (before === undefined) this.added.insert(this.#path)
    else if (after === undefined) this.removed.insert(this.#path)
    else if (!jsonEqual(before, after)) this.modified.insert(this.#path)
    return true
  }

  #compareMaps(map: MapType, old: Json | undefined, now: Json | undefined): boolean {
    const before = isJsonObject(old) ? old : {}
    const after = isJsonObject(now) ? now : {}
    if (map.atomic || (isEmpty(before) && isEmpty(after))) return this.#leaf(old, now)
    this.#compareFields(map, before, after)
    return false
  }

  #compareFields(map: MapType, before: JsonObject, after: JsonObject): void {
    for (const name in before) {
      const value = before[name]
      if (value === undefined || value === after[name]) continue
      this.#descend(fieldElement(name), fieldOf(map, name), value, after[name])
    }
    for (const name in after) {
      const value = after[name]
      if (value === undefined || before[name] !== undefined) continue
      this.#descend(fieldElement(name), fieldOf(map, name), undefined, value)
    }
  }

  #descend(element: PathElement, type: FieldType, before: Json | undefined, after: Json | undefined): void {
    this.#path.push(element)
    this.compare(type, before, after)
    this.#path.pop()
  }

  #compareLists(list: ListType, old: Json | undefined, now: Json | undefined): boolean {
    const before = Array.isArray(old) ? old : []
    const after = Array.isArray(now) ? now : []
    if (list.atomic || (before.length === 0 && after.length === 0)) return this.#leaf(old, now)
    const oldItems = grouped(list, before)
    const newItems = grouped(list, after)
    for (const [element, olds] of oldItems)
      this.#compareItems(list.element, element, olds, newItems.get(element) ?? [])
    for (const [element, news] of newItems) {
      if (!oldItems.has(element)) this.#compareItems(list.element, element, [], news)
    }
    return false
  }

  /** Elements with the same keys are compared as one, as far as they can be told apart at all. */
  #compareItems(type: FieldType, element: PathElement, before: Json[], after: Json[]): void {
    const path = [...this.#path, element]
    if (before.length <= 1 && after.length <= 1) {
      this.#descend(element, type, before[0], after[0])
    } else if (before.length >= 2 && after.length >= 2) {
      if (!jsonEqual(before, after)) this.modified.insert(path)
    } else if (before.length >= 2) {
      if (after[0] !== undefined) this.#descend(element, type, undefined, after[0])
      this.removed.insert(path)
    } else {
      if (before[0] !== undefined) this.#descend(element, type, before[0], undefined)
      this.added.insert(path)
    }
  }
}

type Kind = ReturnType<typeof fallbackKind>

/**
 * As what kinds of value to compare. When one kind of value replaced another, as both: what was there is gone or
 * changed, what is there now is new. Null takes the kind of the other side.
 */
function kindsToCompare(type: FieldType, before: Json | undefined, after: Json | undefined): Kind[] {
  const oldKind = kindOf(type, before)
  const newKind = kindOf(type, after)
  if (oldKind !== undefined && newKind !== undefined && oldKind !== newKind) return [oldKind, newKind]
  return [newKind ?? oldKind ?? fallbackKind(type)]
}

function grouped(list: ListType, items: Json[]): Map<PathElement, Json[]> {
  const groups = new Map<PathElement, Json[]>()
  for (const [index, item] of items.entries()) {
    const element = storedListElement(list, item, index)
    const group = groups.get(element)
    if (group === undefined) groups.set(element, [item])
    else group.push(item)
  }
  return groups
}

function isEmpty(object: JsonObject): boolean {
  for (const key in object) if (object[key] !== undefined) return false
  return true
}
