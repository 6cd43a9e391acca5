import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'

/**
 * A small model of server-side apply: what each manager applied last, per object. Objects merge field by field and
 * lists are owned whole; that is coarser than Kubernetes, where lists can merge by key.
 */
export class AppliedFields {
  readonly #applied = new Map<string, Map<string, JsonObject>>()

  /** The live object with the applied configuration in it. Throws Conflict when another manager applied a field otherwise. */
  apply(
    live: JsonObject,
    applied: JsonObject,
    manager: string,
    options: { uid: string; force: boolean },
  ): JsonObject {
    const managers = this.#applied.get(options.uid) ?? new Map<string, JsonObject>()
    const own = withoutIdentity(applied)
    for (const [other, theirs] of managers) {
      if (other === manager) continue
      const field = firstConflict(own, theirs, live)
      if (field === undefined) continue
      if (!options.force) throw fieldConflict(other, field)
    }
    const cleared = withoutDropped(live, managers.get(manager) ?? {}, own)
    return merged(cleared, own)
  }

  remember(uid: string, manager: string, applied: JsonObject): void {
    const managers = this.#applied.get(uid) ?? new Map<string, JsonObject>()
    managers.set(manager, withoutIdentity(applied))
    this.#applied.set(uid, managers)
  }
}

function withoutIdentity(applied: JsonObject): JsonObject {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = applied
  if (!isJsonObject(metadata)) return rest
  const { labels, annotations, finalizers, ownerReferences } = metadata
  const kept = Object.entries({ labels, annotations, finalizers, ownerReferences }).filter(
    ([, value]) => value !== undefined,
  )
  return kept.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(kept) }
}

function firstConflict(own: JsonObject, theirs: JsonObject, live: JsonObject, path = ''): string | undefined {
  for (const [key, value] of Object.entries(own)) {
    const other = theirs[key]
    const current = live[key]
    if (value === undefined || other === undefined) continue
    const field = `${path}.${key}`
    if (isJsonObject(value) && isJsonObject(other) && isJsonObject(current)) {
      const inner = firstConflict(value, other, current, field)
      if (inner !== undefined) return inner
    } else if (!jsonEqual(value, current)) return field
  }
  return undefined
}

function fieldConflict(manager: string, field: string): StatusError {
  const message = `conflict with "${manager}"`
  return new StatusError('Conflict', `Apply failed with 1 conflict: ${message}: ${field}`, {
    details: { causes: [{ reason: 'FieldManagerConflict', message, field }] },
  })
}

function withoutDropped(live: JsonObject, before: JsonObject, now: JsonObject): JsonObject {
  const result = { ...live }
  for (const [key, value] of Object.entries(before)) {
    const current = result[key]
    const kept = now[key]
    if (isJsonObject(value) && isJsonObject(current)) {
      const inner = withoutDropped(current, value, isJsonObject(kept) ? kept : {})
      if (Object.keys(inner).length > 0 || kept !== undefined) result[key] = inner
      else delete result[key]
    } else if (kept === undefined) delete result[key]
  }
  return result
}

function merged(target: Json | undefined, change: JsonObject): JsonObject {
  const result: JsonObject = isJsonObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(change)) {
    if (value !== undefined) result[key] = isJsonObject(value) ? merged(result[key], value) : value
  }
  return result
}
