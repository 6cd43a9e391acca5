import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { jsonEqual } from './json-equal.ts'
import { parsePointer } from './json-pointer.ts'
import { malformedPatch, patchDoesNotApply } from './patch-error.ts'

/** As many operations as kube-apiserver allows in one patch. */
export const maxPatchOperations = 10_000

// Copies multiply a document: bound what one patch may add by copying.
const maxCopiedNodes = 1_000_000

/**
 * Applies an RFC 6902 patch and returns the new document; the input is never changed, and untouched parts are shared
 * with it. All operations apply or none. Throws a
 * StatusError: BadRequest for a malformed patch, Invalid for one that does not fit.
 */
export function applyJsonPatch(document: Json, patch: unknown): Json {
  if (!Array.isArray(patch)) throw malformedPatch('a JSON patch must be an array of operations')
  if (patch.length > maxPatchOperations) {
    throw malformedPatch(
      `The allowed maximum operations in a JSON patch is ${maxPatchOperations}, got ${patch.length}`,
    )
  }
  const state: State = { root: document, owned: new WeakSet(), copied: 0 }
  for (const operation of patch) applyOperation(state, operation)
  return state.root
}

interface State {
  root: Json
  /** Containers made by this call, which may be changed in place. */
  owned: WeakSet<object>
  copied: number
}

function applyOperation(state: State, operation: unknown): void {
  if (!isJsonObject(operation)) throw malformedPatch('every operation of a JSON patch must be an object')
  const { op } = operation
  const path = pointerOf(operation, 'path')
  switch (typeof op === 'string' ? op : '') {
    case 'add':
      return add(state, path, valueOf(operation))
    case 'replace':
      return replace(state, path, valueOf(operation))
    case 'remove':
      return remove(state, path)
    case 'test':
      return test(state, operation, path)
    case 'copy': {
      const value = read(state.root, pointerOf(operation, 'from'))
      countNodes(state, value)
      // The value now stands in two places: neither may be changed in place any more.
      state.owned = new WeakSet()
      return add(state, path, value)
    }
    case 'move':
      return move(state, pointerOf(operation, 'from'), path)
    default:
      throw malformedPatch(`unexpected kind: ${JSON.stringify(op ?? null)}`)
  }
}

function pointerOf(operation: JsonObject, member: 'path' | 'from'): string[] {
  const pointer = operation[member]
  if (typeof pointer !== 'string')
    throw malformedPatch(`operation ${JSON.stringify(operation['op'] ?? null)} needs a string "${member}"`)
  return parsePointer(pointer)
}

function valueOf(operation: JsonObject): Json {
  const { value } = operation
  if (value === undefined)
    throw malformedPatch(`operation ${JSON.stringify(operation['op'])} needs a "value"`)
  refuseProto(value)
  return value
}

/** Throws a BadRequest StatusError when a key anywhere in the value is `__proto__`. */
export function refuseProto(value: Json | undefined): void {
  if (Array.isArray(value)) for (const item of value) refuseProto(item)
  else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (key === '__proto__') throw malformedPatch('the key "__proto__" is not allowed')
      refuseProto(value[key])
    }
  }
}

function countNodes(state: State, value: Json | undefined): void {
  state.copied += 1
  if (state.copied > maxCopiedNodes) throw patchDoesNotApply('the JSON patch copies too much')
  if (Array.isArray(value)) for (const item of value) countNodes(state, item)
  else if (isJsonObject(value)) for (const key in value) countNodes(state, value[key])
}

function test(state: State, operation: JsonObject, path: string[]): void {
  const expected = operation['value'] ?? null
  let actual: Json | undefined
  try {
    actual = read(state.root, path)
  } catch (error) {
    // A missing member equals null, as in the library that kube-apiserver uses.
    if (expected === null) return
    throw error
  }
  if (!jsonEqual(actual, expected)) {
    throw patchDoesNotApply(`testing value ${pointerText(path)} failed: test failed`)
  }
}

function move(state: State, from: string[], path: string[]): void {
  const inside = path.length > from.length && from.every((key, index) => key === path[index])
  if (inside) throw patchDoesNotApply(`cannot move ${pointerText(from)} into itself`)
  const value = read(state.root, from)
  if (from.length === 0) return
  remove(state, from)
  add(state, path, value)
}

function read(root: Json, path: string[]): Json {
  let value: Json | undefined = root
  for (const key of path) {
    value = Array.isArray(value)
      ? value[existingIndex(value, key, path)]
      : isJsonObject(value)
        ? own(value, key)
        : undefined
    if (value === undefined) throw missing(path)
  }
  return value
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function add(state: State, path: string[], value: Json): void {
  const key = path.at(-1)
  if (key === undefined) {
    state.root = value
    return
  }
  const parent = ownedParent(state, path)
  if (!Array.isArray(parent)) {
    parent[key] = value
    return
  }
  const index = key === '-' ? parent.length : arrayIndex(key, path)
  if (index > parent.length)
    throw patchDoesNotApply(
      `add operation does not apply: doc is missing path: ${pointerText(path)}: index out of bounds`,
    )
  parent.splice(index, 0, value)
}

function replace(state: State, path: string[], value: Json): void {
  const key = path.at(-1)
  if (key === undefined) {
    state.root = value
    return
  }
  const parent = ownedParent(state, path)
  if (Array.isArray(parent)) parent[existingIndex(parent, key, path)] = value
  else if (own(parent, key) !== undefined) parent[key] = value
  else
    throw patchDoesNotApply(
      `replace operation does not apply: doc is missing key: ${pointerText(path)}: missing value`,
    )
}

function remove(state: State, path: string[]): void {
  const key = path.at(-1)
  if (key === undefined)
    throw patchDoesNotApply('remove operation does not apply: the document itself cannot be removed')
  const parent = ownedParent(state, path)
  if (Array.isArray(parent)) parent.splice(existingIndex(parent, key, path), 1)
  else if (own(parent, key) !== undefined) delete parent[key]
  else
    throw patchDoesNotApply(
      `remove operation does not apply: doc is missing path: ${pointerText(path)}: missing value`,
    )
}

/** The container that holds the last token of `path`, copied on the way down wherever it is still shared. */
function ownedParent(state: State, path: string[]): Json[] | JsonObject {
  const root = owned(state, state.root, path)
  state.root = root
  let parent: Json[] | JsonObject = root
  for (const key of path.slice(0, -1)) {
    if (Array.isArray(parent)) {
      const index = existingIndex(parent, key, path)
      const child = owned(state, parent[index], path)
      parent[index] = child
      parent = child
    } else {
      const child = owned(state, own(parent, key), path)
      parent[key] = child
      parent = child
    }
  }
  return parent
}

function owned(state: State, value: Json | undefined, path: string[]): Json[] | JsonObject {
  if (typeof value !== 'object' || value === null) throw missing(path)
  if (state.owned.has(value)) return value
  const copy = Array.isArray(value) ? [...value] : { ...value }
  state.owned.add(copy)
  return copy
}

function arrayIndex(key: string, path: string[]): number {
  if (!/^(0|[1-9][0-9]{0,8})$/.test(key))
    throw patchDoesNotApply(`${pointerText(path)}: ${JSON.stringify(key)} is not an array index`)
  return Number(key)
}

function existingIndex(array: Json[], key: string, path: string[]): number {
  const index = arrayIndex(key, path)
  if (index >= array.length) throw missing(path)
  return index
}

const missing = (path: string[]) =>
  patchDoesNotApply(`doc is missing path: ${pointerText(path)}: missing value`)
const pointerText = (path: string[]) =>
  `"${path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}"`
