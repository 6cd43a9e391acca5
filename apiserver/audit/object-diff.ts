import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'

/** One step of a JSON patch, with what was there before. */
export interface Difference {
  readonly op: 'add' | 'remove' | 'replace'
  /** A JSON pointer. */
  readonly path: string
  readonly old?: Json
  readonly value?: Json
}

/** More of a change than this is told by its beginning. */
const mostDifferences = 200
const longestText = 4096
/** What the server writes about an object rather than the client. */
const bookkeeping = new Set(['/metadata/managedFields', '/metadata/resourceVersion', '/metadata/generation'])

/** What an update changed, field by field; list items are compared by their position. At most 200 steps. */
export function differences(before: JsonObject, after: JsonObject): Difference[] {
  const found: Difference[] = []
  compare(found, '', before, after)
  return found
}

function compare(found: Difference[], path: string, before: Json | undefined, after: Json | undefined): void {
  if (found.length >= mostDifferences || bookkeeping.has(path) || before === after) return
  if (before === undefined) found.push({ op: 'add', path, value: shortened(after) })
  else if (after === undefined) found.push({ op: 'remove', path, old: shortened(before) })
  else if (isJsonObject(before) && isJsonObject(after)) compareFields(found, path, before, after)
  else if (Array.isArray(before) && Array.isArray(after)) compareItems(found, path, before, after)
  else if (!jsonEqual(before, after)) {
    found.push({ op: 'replace', path, old: shortened(before), value: shortened(after) })
  }
}

function compareFields(found: Difference[], path: string, before: JsonObject, after: JsonObject): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const inner = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    compare(found, inner, own(before, name), own(after, name))
  }
}

function compareItems(found: Difference[], path: string, before: Json[], after: Json[]): void {
  const common = Math.min(before.length, after.length)
  for (let index = 0; index < common; index++) compare(found, `${path}/${index}`, before[index], after[index])
  for (let index = before.length - 1; index >= common; index--) {
    compare(found, `${path}/${index}`, before[index], undefined)
  }
  for (let index = common; index < after.length; index++) compare(found, `${path}/-`, undefined, after[index])
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function shortened(value: Json | undefined): Json {
  if (value === undefined) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.length <= longestText) return value
  return `${text.slice(0, longestText)}… (${text.length} characters)`
}
