import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'

/** Deep equality of JSON values; the order of keys does not count, and a key with `undefined` counts as absent. */
export function jsonEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && arraysEqual(a, b)
  return isJsonObject(a) && isJsonObject(b) && objectsEqual(a, b)
}

function arraysEqual(a: Json[], b: Json[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!jsonEqual(a[i], b[i])) return false
  return true
}

function objectsEqual(a: JsonObject, b: JsonObject): boolean {
  let count = 0
  for (const key in a) {
    if (a[key] === undefined) continue
    count += 1
    if (!jsonEqual(a[key], b[key])) return false
  }
  for (const key in b) if (b[key] !== undefined) count -= 1
  return count === 0
}
