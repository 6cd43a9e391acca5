import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { badRequest } from '../status-error.ts'
import { jsonEqual } from './json-equal.ts'

/** The values of both lists, each once; those of the change come in its order. */
export function mergeScalarList(original: Json[], change: Json[]): Json[] {
  const merged: Json[] = []
  for (const item of [...original, ...change]) if (!contains(merged, item)) merged.push(item)
  return orderedList(merged, change, { before: original, mergeKey: undefined })
}

export interface KeyedMerge {
  readonly mergeKey: string
  readonly merge: (original: JsonObject, change: JsonObject) => JsonObject
}

/**
 * Merges lists of objects told apart by a key. An element with `$patch: delete` removes its counterpart, one with
 * `$patch: replace` makes the change replace the whole list.
 */
export function mergeKeyedList(original: Json[], change: Json[], { mergeKey, merge }: KeyedMerge): Json[] {
  const { changes, deleted, replace } = splitDirectives(change, mergeKey)
  if (replace) return changes.map((item) => withoutDirectives(item) ?? {})
  const merged = original.filter((item) => !deleted.some((key) => jsonEqual(keyOf(item, mergeKey), key)))
  for (const item of changes) {
    const key = keyOf(item, mergeKey)
    if (key === undefined) throw missingKey(item, mergeKey)
    const index = merged.findIndex((candidate) => jsonEqual(keyOf(candidate, mergeKey), key))
    const current = merged[index]
    if (isJsonObject(current)) merged[index] = merge(current, item)
    else merged.push(withoutDirectives(item) ?? {})
  }
  return orderedList(merged, changes, { before: original, mergeKey })
}

function splitDirectives(
  change: Json[],
  mergeKey: string,
): { changes: JsonObject[]; deleted: Json[]; replace: boolean } {
  const changes: JsonObject[] = []
  const deleted: Json[] = []
  let replace = false
  for (const item of change) {
    if (!isJsonObject(item)) throw badRequest('elements of a list that is merged by key must be objects')
    const directive = item['$patch']
    if (directive === undefined) changes.push(item)
    else if (directive === 'replace') replace = true
    else if (directive !== 'delete') throw badRequest(`unknown patch type: ${JSON.stringify(directive)}`)
    else {
      const key = keyOf(item, mergeKey)
      if (key === undefined) throw missingKey(item, mergeKey)
      deleted.push(key)
    }
  }
  return { changes, deleted, replace }
}

const missingKey = (item: JsonObject, mergeKey: string) =>
  badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)

function keyOf(item: Json, mergeKey: string): Json | undefined {
  return isJsonObject(item) ? item[mergeKey] : undefined
}

/**
 * Sorts a merged list: what `order` names comes in that order, and what only the stored list had keeps its place
 * between the elements that it stood between before.
 */
export function orderedList(
  merged: Json[],
  order: Json[],
  { before, mergeKey }: { before: Json[]; mergeKey: string | undefined },
): Json[] {
  const identity = (item: Json) =>
    mergeKey === undefined || !isJsonObject(item) ? item : (item[mergeKey] ?? null)
  const positionIn = (list: Json[], item: Json) =>
    list.findIndex((other) => jsonEqual(identity(other), identity(item)))
  const named = merged
    .filter((item) => positionIn(order, item) >= 0)
    .toSorted((a, b) => positionIn(order, a) - positionIn(order, b))
  const others = merged.filter((item) => positionIn(order, item) < 0)

  const result: Json[] = []
  for (const item of named) {
    const place = positionIn(before, item)
    for (let next = others[0]; next !== undefined; next = others[0]) {
      const earlier = positionIn(before, next)
      if (place < 0 || earlier < 0 || earlier >= place) break
      result.push(next)
      others.shift()
    }
    result.push(item)
  }
  return [...result, ...others]
}

/** The list without the given values. */
export function deletedFrom(list: Json[], values: Json[]): Json[] {
  return list.filter((item) => !contains(values, item))
}

const contains = (list: Json[], item: Json) => list.some((other) => jsonEqual(other, item))

/** A value that the patch adds, without directives and nulls, which say nothing about what was not there. */
export function withoutDirectives(value: Json): Json | undefined {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined)
  if (!isJsonObject(value)) return value
  if (value['$patch'] === 'delete') return undefined
  const result: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    const directive =
      key === '$patch' || key === '$retainKeys' || /^\$(setElementOrder|deleteFromPrimitiveList)\//.test(key)
    const kept = directive || member === undefined || member === null ? undefined : withoutDirectives(member)
    if (kept !== undefined) result[key] = kept
  }
  return result
}
