import { jsonEqual } from '../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../crds/meta/json.ts'

/** The RFC 7386 merge patch that makes `after` of `before`; undefined when they are equal. */
export function mergePatchBetween(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: Record<string, Json> = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]]
    if (jsonEqual(old, now)) continue
    if (now === undefined) patch[key] = null
    else patch[key] = isJsonObject(old) && isJsonObject(now) ? (mergePatchBetween(old, now) ?? {}) : now
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}
