import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { FieldSet, type FieldEntry } from './field-set.ts'
import { readElement, type PathElement } from './path-element.ts'

// Deeper than any object that the server accepts with a schema; keeps the recursion within the stack.
const maxDepth = 1_000

/** Writes a set as FieldsV1: nested objects, `.` marking a path that is in the set and also goes on. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const fields: JsonObject = {}
  for (const [element, { member, children }] of set.sorted()) {
    if (children === undefined) fields[element] = {}
    else fields[element] = member ? { '.': {}, ...toFieldsV1(children) } : toFieldsV1(children)
  }
  return fields
}

/** Reads FieldsV1. Throws a SyntaxError when an element's JSON is broken or the nesting is absurd. */
export function fromFieldsV1(fields: Json | undefined): FieldSet {
  return isJsonObject(fields) ? readLevel(fields, 0) : FieldSet.empty
}

function readLevel(fields: JsonObject, depth: number): FieldSet {
  if (depth > maxDepth) throw new SyntaxError('fieldsV1 is nested too deep')
  const entries = new Map<PathElement, FieldEntry>()
  for (const [key, value] of Object.entries(fields)) {
    const element = key === '.' ? undefined : readElement(key)
    if (element !== undefined) addEntry(entries, element, readEntry(value, depth))
  }
  return entries.size === 0 ? FieldSet.empty : new FieldSet(entries)
}

/** An element with nothing below it is in the set even without a mark. */
function readEntry(value: Json | undefined, depth: number): FieldEntry {
  const below = isJsonObject(value) ? readLevel(value, depth + 1) : FieldSet.empty
  if (below.isEmpty) return { member: true, children: undefined }
  return { member: isJsonObject(value) && value['.'] !== undefined, children: below }
}

/** Two spellings of one element, such as keys in another order, are joined. */
function addEntry(entries: Map<PathElement, FieldEntry>, element: PathElement, entry: FieldEntry): void {
  const before = entries.get(element)
  const joined =
    before === undefined
      ? undefined
      : new FieldSet(new Map([[element, before]])).union(new FieldSet(new Map([[element, entry]])))
  entries.set(element, joined?.entries.get(element) ?? entry)
}
