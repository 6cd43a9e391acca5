import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { refuseProto } from './json-patch.ts'

/**
 * Applies an RFC 7386 merge patch: objects merge, `null` deletes, everything else replaces. The input is never
 * changed; what the patch leaves alone is shared with it, and a patch that changes nothing returns the input itself.
 * Throws a
 * BadRequest StatusError for the key `__proto__`.
 */
export function applyMergePatch(document: Json, patch: Json): Json {
  refuseProto(patch)
  return merge(document, patch)
}

function merge(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return target === patch ? target : patch
  if (!isJsonObject(target)) return withoutNulls(patch)
  let result: JsonObject = target
  for (const key of Object.keys(patch)) {
    const change = patch[key]
    if (change === undefined) continue
    const current = Object.hasOwn(target, key) ? target[key] : undefined
    const next = change === null ? undefined : merge(current, change)
    if (next === current) continue
    if (result === target) result = { ...target }
    if (next === undefined) delete result[key]
    else result[key] = next
  }
  return result
}

function withoutNulls(patch: JsonObject): JsonObject {
  const result: JsonObject = {}
  for (const key of Object.keys(patch)) {
    const value = patch[key]
    if (value === undefined || value === null) continue
    result[key] = isJsonObject(value) ? withoutNulls(value) : value
  }
  return result
}
