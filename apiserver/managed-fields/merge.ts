import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import {
  fieldOf,
  kindOf,
  storedListElement,
  type FieldType,
  type ListType,
  type MapType,
} from './field-type.ts'
import type { PathElement } from './path-element.ts'

/**
 * Merges an applied configuration into a live object: its leaves win, nothing is removed. Returns the live object
 * itself when nothing changes; otherwise a copy that shares what is equal.
 */
export function mergeObjects(type: FieldType, live: JsonObject, applied: JsonObject): JsonObject {
  return merge(type, live, applied) as JsonObject
}

function merge(type: FieldType, live: Json | undefined, applied: Json | undefined): Json | undefined {
  if (applied === undefined || applied === live) return live
  if (live === undefined) return applied
  if (type.list !== undefined && isListLike(type, live, applied)) return mergeLists(type.list, live, applied)
  if (type.map !== undefined && isMapLike(type, live, applied)) return mergeMaps(type.map, live, applied)
  return applied
}

/** True when both sides are lists, or one is and the other is null. */
function isListLike(type: FieldType, live: Json, applied: Json): boolean {
  const kinds = [kindOf(type, live), kindOf(type, applied)]
  return kinds.includes('list') && kinds.every((kind) => kind === 'list' || kind === undefined)
}

function isMapLike(type: FieldType, live: Json, applied: Json): boolean {
  const kinds = [kindOf(type, live), kindOf(type, applied)]
  return kinds.includes('map') && kinds.every((kind) => kind === 'map' || kind === undefined)
}

function mergeMaps(map: MapType, live: Json, applied: Json): Json {
  if (map.atomic || !isJsonObject(live)) return sameJson(live, applied)
  if (Object.keys(live).length === 0)
    return isJsonObject(applied) && Object.keys(applied).length === 0 ? live : applied
  if (!isJsonObject(applied)) return live
  let result = live
  for (const name in applied) {
    const value = applied[name]
    if (value === undefined) continue
    const merged = merge(fieldOf(map, name), live[name], value)
    if (merged === live[name]) continue
    if (result === live) result = { ...live }
    result[name] = merged
  }
  return result
}

function mergeLists(list: ListType, live: Json, applied: Json): Json {
  if (list.atomic || !Array.isArray(live)) return sameJson(live, applied)
  if (live.length === 0) return Array.isArray(applied) && applied.length === 0 ? live : applied
  if (!Array.isArray(applied)) return live
  const items = new ListMerge(list, live, applied).run()
  return items.length === live.length && items.every((item, index) => item === live[index]) ? live : items
}

/** The live value when the applied one says the same, so that nothing seems to have changed. */
function sameJson(live: Json, applied: Json): Json {
  return JSON.stringify(live) === JSON.stringify(applied) ? live : applied
}

/**
 * Merges two associative lists. Elements that only one side has keep their place between the others; elements that
 * both have are merged and come in the applied order.
 */
class ListMerge {
  readonly #list: ListType
  readonly #live: Json[]
  readonly #liveElements: PathElement[]
  readonly #appliedElements: PathElement[]
  readonly #liveByElement: Map<PathElement, Json | undefined>
  readonly #appliedByElement: Map<PathElement, Json | undefined>
  readonly #out: Json[] = []
  readonly #done = new Set<PathElement>()
  #left = 0
  #right = 0
  /** What both sides have and is still to come, in the applied order. */
  readonly #shared: PathElement[]

  constructor(list: ListType, live: Json[], applied: Json[]) {
    this.#list = list
    this.#live = live
    this.#liveElements = live.map((item, index) => storedListElement(list, item, index))
    this.#appliedElements = applied.map((item, index) => storedListElement(list, item, index))
    this.#liveByElement = byElement(this.#liveElements, live)
    this.#appliedByElement = byElement(this.#appliedElements, applied)
    this.#shared = this.#appliedElements.filter((element) => this.#liveByElement.has(element))
  }

  run(): Json[] {
    while (this.#left < this.#liveElements.length || this.#right < this.#appliedElements.length) {
      const mine = this.#liveElements[this.#left]
      const theirs = this.#appliedElements[this.#right]
      if (mine === undefined || !this.#takeLive(mine, theirs)) this.#takeNextApplied(mine, theirs)
    }
    return this.#out
  }

  /** Takes or passes over the next live element; false when it has to wait for an applied one. */
  #takeLive(mine: PathElement, theirs: PathElement | undefined): boolean {
    if (mine === theirs || (theirs !== undefined && this.#comesLater(mine))) {
      if (mine === theirs) this.#takeApplied(mine)
      this.#left += 1
      return true
    }
    if (this.#appliedByElement.has(mine)) return false
    const item = this.#live[this.#left]
    if (item !== undefined) this.#out.push(item)
    this.#left += 1
    return true
  }

  #takeNextApplied(mine: PathElement | undefined, theirs: PathElement | undefined): void {
    if (mine !== undefined && this.#done.has(mine)) this.#left += 1
    if (theirs !== undefined) this.#takeApplied(theirs)
  }

  /** True for an element that both have, but that is not the next of these in the applied order. */
  #comesLater(element: PathElement): boolean {
    const [next] = this.#shared
    return next !== undefined && next !== element && this.#appliedByElement.has(element)
  }

  #takeApplied(element: PathElement): void {
    this.#right += 1
    this.#done.add(element)
    const merged = merge(
      this.#list.element,
      this.#liveByElement.get(element),
      this.#appliedByElement.get(element),
    )
    if (merged !== undefined) this.#out.push(merged)
    if (this.#shared[0] === element) this.#shared.shift()
  }
}

/** Elements by their keys; of repeated ones none is taken, since they cannot be told apart. */
function byElement(elements: PathElement[], items: Json[]): Map<PathElement, Json | undefined> {
  const map = new Map<PathElement, Json | undefined>()
  for (const [index, element] of elements.entries()) {
    map.set(element, map.has(element) ? undefined : items[index])
  }
  return map
}
