import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { CompiledSchema } from '../schema/structural.ts'
import { compareObjects } from './compare.ts'
import { FieldSet } from './field-set.ts'
import { fieldTypeOf, type FieldType } from './field-type.ts'
import {
  capUpdaters,
  decodeManagers,
  managedFieldsOf,
  managerId,
  withManagers,
  withoutManagedFields,
  type ManagerEntry,
  type Managers,
} from './managers.ts'
import { ownable, releaseChanged, resetSet, withoutReset } from './ownership.ts'

/** What every write says of itself. */
export interface WriteContext {
  /** The `fieldManager` of the request; empty counts as `unknown`. */
  readonly manager: string
  /** `status`, `scale`, …; undefined or '' for the object itself. */
  readonly subresource?: string | undefined
  /** The schema of the version written; undefined when there is none: objects are taken apart, lists are atomic. */
  readonly schema: CompiledSchema | undefined
  /** Group and version of the request, as in the object. */
  readonly apiVersion: string
  /** RFC 3339 with whole seconds. */
  readonly time: string
  /**
   * Top-level fields that the endpoint does not write: `['status']` for the object itself of a kind with a status
   * subresource. For the subresource `status` it is `['metadata', 'spec']` unless given.
   */
  readonly resetFields?: readonly string[] | undefined
}

export interface UpdateRequest extends WriteContext {
  /** The stored object, undefined on create. */
  readonly old: JsonObject | undefined
  /** The object about to be stored, with the managedFields that the request carried. */
  readonly new: JsonObject
  readonly operation?: 'Update'
}

/**
 * Records who set what in a create, update or patch: fields that changed go to the writer, fields that are gone leave
 * every owner. Returns the new object with its `metadata.managedFields`; entries that nothing was taken from or given
 * to keep their time. A request with `managedFields: [{}]` ends the tracking of the object.
 */
export function updateManagedFields(request: UpdateRequest): JsonObject {
  const { old } = request
  const type = fieldTypeOf(request.schema)
  const managers = startingManagers(request, type)
  const object = withoutManagedFields(request.new)
  // An object that nobody tracks is tracked again from its next apply on.
  const tracked = managers.size > 0 || old === undefined
  if (tracked)
    recordUpdate(
      managers,
      { ...request, old: old === undefined ? undefined : withoutManagedFields(old), new: object },
      type,
    )
  return withManagers(request.new, managers)
}

/** The managers that the request carries, or those of the stored object when it carries none that can be read. */
function startingManagers(request: UpdateRequest, type: FieldType): Managers {
  const stored = managedFieldsOf(request.old)
  // Through a subresource, managedFields cannot be set.
  if (request.subresource) return readable(stored, type) ?? new Map<string, ManagerEntry>()
  const carried = managedFieldsOf(request.new)
  if (isReset(carried)) return new Map()
  const managers = readable(carried, type)
  if (managers !== undefined && managers.size > 0) return managers
  return readable(stored, type) ?? new Map<string, ManagerEntry>()
}

function readable(managedFields: Json | undefined, type: FieldType): Managers | undefined {
  try {
    return decodeManagers(managedFields, type)
  } catch {
    return undefined
  }
}

function isReset(managedFields: Json | undefined): boolean {
  if (!Array.isArray(managedFields)) return false
  const [first] = managedFields
  return managedFields.length === 1 && isJsonObject(first) && Object.keys(first).length === 0
}

/** Moves what changed between two objects to the writer. Neither object has managedFields any more. */
export function recordUpdate(managers: Managers, request: UpdateRequest, type: FieldType): void {
  const before = request.old ?? { apiVersion: request.new['apiVersion'], kind: request.new['kind'] }
  const reset = resetSet(resetFieldsOf(request))
  const comparison = withoutReset(compareObjects(type, before, request.new), reset)
  // Nobody is spared here, not even the writer: what it changed again comes back to it below.
  releaseChanged(managers, '', comparison)
  const changed = ownable(comparison.modified.union(comparison.added))
  if (!changed.isEmpty) {
    const writer: ManagerEntry = {
      manager: request.manager || 'unknown',
      operation: 'Update',
      apiVersion: request.apiVersion,
      subresource: request.subresource ?? '',
      time: request.time,
      fields: FieldSet.empty,
      stored: undefined,
    }
    const id = managerId(writer)
    managers.set(id, { ...writer, fields: changed.union(managers.get(id)?.fields ?? FieldSet.empty) })
  }
  capUpdaters(managers)
}

/** The top-level fields that a write through this endpoint leaves alone. */
export function resetFieldsOf({ resetFields, subresource }: WriteContext): readonly string[] {
  return resetFields ?? (subresource === 'status' ? ['metadata', 'spec'] : [])
}
