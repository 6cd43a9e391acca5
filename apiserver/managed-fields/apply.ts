import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { badRequest, StatusError } from '../../apimachinery/status-error.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import { checkApplied } from './check-applied.ts'
import { compareObjects } from './compare.ts'
import { conflictError } from './conflict-error.ts'
import { FieldSet } from './field-set.ts'
import { fieldSetOf, withNamedFields } from './field-set-of.ts'
import { fieldTypeOf, type FieldType } from './field-type.ts'
import { clientSideApplied, withLastApplied } from './last-applied.ts'
import {
  decodeManagers,
  managedFieldsOf,
  managerId,
  withManagers,
  withoutManagedFields,
  type ManagerEntry,
  type Managers,
} from './managers.ts'
import { mergeObjects } from './merge.ts'
import { conflictsOf, ownable, releaseChanged, resetSet, setFields, withoutReset } from './ownership.ts'
import { removeItems } from './remove-items.ts'
import { recordUpdate, resetFieldsOf, type WriteContext } from './update.ts'

export interface ApplyRequest extends WriteContext {
  /** The stored object, undefined when the apply creates it. */
  readonly live: JsonObject | undefined
  /** The configuration as sent, without defaults. */
  readonly applied: JsonObject
  /** What becomes of nulls where the schema allows none. Default: they are dropped. */
  readonly nulls?: 'drop' | 'keep'
  /** Take over what others own instead of failing. */
  readonly force: boolean
}

/**
 * Server-side apply: merges a configuration into the live object, removes what the manager applied before and nobody
 * else owns, and records the ownership. Returns the live object itself when nothing changed, so that nothing has to
 * be written. Throws a StatusError: Conflict with a cause per field that somebody else owns, BadRequest for a
 * configuration that cannot be applied.
 */
export function apply(request: ApplyRequest): { object: JsonObject } {
  const { applied, live } = request
  const type = fieldTypeOf(request.schema)
  checkRequest(request)
  checkApplied(type, applied)

  const before = live === undefined ? emptyObject(applied) : withoutManagedFields(live)
  const managers = liveManagers(request, before, type)
  const { object: merged, changed } = mergeConfiguration(request, before, managers, type)
  const synced = request.manager === 'kubectl' ? withLastApplied(merged, applied) : merged
  const defaulted = request.schema?.applyDefaults(synced, request.nulls) ?? synced
  if (live !== undefined && !changed && jsonEqual(defaulted, before)) {
    return { object: withManagers(live, managers) }
  }
  return { object: withManagers(defaulted, managers) }
}

function emptyObject({ apiVersion, kind }: JsonObject): JsonObject {
  return { apiVersion, kind }
}

function checkRequest({ applied, live, apiVersion }: ApplyRequest): void {
  if (live !== undefined && live['kind'] !== applied['kind']) {
    throw badRequest(`invalid object type: ${text(applied['apiVersion'])}, Kind=${text(applied['kind'])}`)
  }
  if (applied['apiVersion'] !== apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${text(applied['apiVersion'])}, expected: ${apiVersion}`,
    )
  }
  // JSON null counts as not given.
  if ((managedFieldsOf(applied) ?? null) !== null) throw badRequest('metadata.managedFields must be nil')
}

const text = (value: Json | undefined) => (typeof value === 'string' ? value : '')

function liveManagers(request: ApplyRequest, before: JsonObject, type: FieldType): Managers {
  let managers: Managers
  try {
    managers = decodeManagers(managedFieldsOf(request.live), type)
  } catch (error) {
    throw new StatusError('InternalError', `failed to decode managed fields: ${(error as Error).message}`)
  }
  if (managers.size === 0 && request.live !== undefined) {
    // What was there before anybody tracked the object belongs to whoever made it.
    recordUpdate(managers, { ...request, manager: 'before-first-apply', old: undefined, new: before }, type)
  }
  return managers
}

function mergeConfiguration(
  request: ApplyRequest,
  before: JsonObject,
  managers: Managers,
  type: FieldType,
): { object: JsonObject; changed: boolean } {
  const writer = writerEntry(request)
  const id = managerId(writer)
  const previous = managers.get(id)
  const reset = resetSet(resetFieldsOf(request))
  const fields = fieldSetOf(type, request.applied).recursiveDifference(reset)
  // Pruning looks at the fields as applied; what nobody owns is left out only of what is recorded.
  const claims = new Map(managers).set(id, { ...writer, fields })
  const merged = mergeObjects(type, before, request.applied)
  const object = prune(type, merged, { previous: previous?.fields ?? FieldSet.empty, claims, fields })

  const comparison = withoutReset(compareObjects(type, before, object), reset)
  const conflicts = conflictsOf(managers, id, comparison)
  if (conflicts.size > 0 && !request.force) refuseConflicts(request, managers, conflicts, type)
  releaseChanged(managers, id, comparison)

  const changed = object !== before && !jsonEqual(object, before)
  recordApply(
    managers,
    { ...writer, time: changed ? request.time : previous?.time, stored: previous?.stored },
    ownable(fields),
  )
  return { object: changed ? object : before, changed }
}

function writerEntry(request: ApplyRequest): ManagerEntry {
  return {
    manager: request.manager || 'unknown',
    operation: 'Apply',
    apiVersion: request.apiVersion,
    subresource: request.subresource ?? '',
    time: undefined,
    fields: FieldSet.empty,
    stored: undefined,
  }
}

function recordApply(managers: Managers, entry: ManagerEntry, fields: FieldSet): void {
  const previous = managers.get(managerId(entry))
  // The same set as before is kept as the same object, so that the entry is written back as it was.
  const kept = previous !== undefined && previous.fields.equals(fields) ? previous.fields : fields
  managers.delete(managerId(entry))
  setFields(managers, { ...entry, fields: kept }, kept)
}

function refuseConflicts(
  request: ApplyRequest,
  managers: Managers,
  conflicts: Map<string, FieldSet>,
  type: FieldType,
): void {
  if (request.manager !== 'kubectl' || request.live === undefined) throw conflictError(managers, conflicts)
  // kubectl may take over what its own client-side apply had set.
  const allowed = clientSideApplied(type, withoutManagedFields(request.live))
  const refused = new Map<string, FieldSet>()
  for (const [id, fields] of conflicts) {
    const rest = fields.difference(allowed)
    if (!rest.isEmpty) refused.set(id, rest)
  }
  if (refused.size > 0) throw conflictError(managers, refused)
}

interface PruneInput {
  /** What the manager applied before. */
  readonly previous: FieldSet
  /** What it applies now. */
  readonly fields: FieldSet
  /** Everybody's fields, the manager's new ones among them. */
  readonly claims: Managers
}

/** Removes what the manager applied before, does not apply now, and nobody else owns. */
function prune(type: FieldType, merged: JsonObject, { previous, fields, claims }: PruneInput): JsonObject {
  if (previous.difference(fields).isEmpty) return merged
  const last = withNamedFields(previous, type)
  let owned = FieldSet.empty
  for (const claim of claims.values()) owned = owned.union(claim.fields)

  const everything = withNamedFields(fieldSetOf(type, merged), type)
  const untouched = remaining(type, removeItems(type, merged, last))
  const given = removeItems(
    type,
    merged,
    everything.difference(untouched.union(withNamedFields(owned, type))),
  )
  // Of what would go, only what the manager had owned does: defaults and the like stay.
  return removeItems(type, merged, everything.difference(remaining(type, given)).intersection(last))
}

function remaining(type: FieldType, object: JsonObject): FieldSet {
  return withNamedFields(fieldSetOf(type, object), type)
}
