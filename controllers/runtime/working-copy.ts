import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'

type Halves = Stored<KubeObject> & { status?: JsonObject }

/** What a pass changed on its copy, ready to be written. */
export interface PassChanges {
  /** Set when they changed. */
  readonly finalizers: readonly string[] | undefined
  /** Merge patch of the status; undefined when nothing changed. */
  readonly status: JsonObject | null | undefined
}

/**
 * A copy for one pass. Only what steps may change is copied, finalizers and status; the rest is shared with the cache
 * and frozen, so that a step which changes it fails at once.
 */
export function workingCopy<T extends KubeObject>(cached: Stored<T>): Stored<T> {
  const { metadata, status, ...rest } = cached as Stored<KubeObject> as Halves
  for (const part of Object.values(rest)) freezeDeep(part)
  const { finalizers, ...identity } = metadata
  for (const part of Object.values(identity)) freezeDeep(part)
  const copy: Halves = {
    ...rest,
    metadata: { ...identity, ...(finalizers && { finalizers: [...finalizers] }) },
  }
  if (status !== undefined) copy.status = cloneJson(status) as JsonObject
  return copy as Stored<KubeObject> as Stored<T>
}

/**
 * Compares a copy with what it was made from. Throws when anything but finalizers and status was replaced: that is a
 * mistake in a step, and would be lost silently.
 */
export function changesOf<T extends KubeObject>(cached: Stored<T>, copy: Stored<T>): PassChanges {
  const before = cached as Stored<KubeObject> as Halves
  const after = copy as Stored<KubeObject> as Halves
  refuseOtherChanges(before, after)
  const [had, has] = [before.metadata.finalizers ?? [], after.metadata.finalizers ?? []]
  return {
    finalizers: jsonEqual([...had], [...has]) ? undefined : has,
    status: mergeDiff(before.status, after.status),
  }
}

function refuseOtherChanges(before: Halves, after: Halves): void {
  const sides: [string, object, object, string][] = [
    ['', before, after, 'status'],
    ['metadata.', before.metadata, after.metadata, 'finalizers'],
  ]
  for (const [path, had, has, allowed] of sides) {
    for (const key of new Set([...Object.keys(had), ...Object.keys(has)])) {
      if (key === allowed || (path === '' && key === 'metadata')) continue
      if ((had as JsonObject)[key] === (has as JsonObject)[key]) continue
      throw new Error(`a step changed ${path}${key} of its own object; it may change finalizers and status`)
    }
  }
}

/** The merge patch that makes `after` of `before`; undefined when they are equal. Values must not contain null. */
export function mergeDiff(before: Json | undefined, after: Json | undefined): JsonObject | null | undefined {
  if (after === undefined) return before === undefined ? undefined : null
  if (!isJsonObject(after)) throw new Error('only objects have a merge diff')
  return objectDiff(isJsonObject(before) ? before : {}, after, before === undefined)
}

function objectDiff(before: JsonObject, after: JsonObject, isNew: boolean): JsonObject | undefined {
  const diff: JsonObject = {}
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [had, has] = [before[key], after[key]]
    if (jsonEqual(had, has)) continue
    if (has === undefined) diff[key] = null
    else if (isJsonObject(had) && isJsonObject(has)) diff[key] = objectDiff(had, has, false)
    else diff[key] = has
  }
  return Object.keys(diff).length > 0 || isNew ? diff : undefined
}

function cloneJson(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((item) => cloneJson(item) ?? null)
  if (!isJsonObject(value)) return value
  const clone: JsonObject = {}
  for (const key of Object.keys(value)) clone[key] = cloneJson(value[key])
  return clone
}

function freezeDeep(value: unknown): void {
  // Frozen from the top down by nobody else: what is frozen was frozen here, all of it.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) freezeDeep(part)
}
