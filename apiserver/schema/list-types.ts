import type { StatusCause } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { duplicateField, goJson, invalidField } from './field-error.ts'
import { pathText, type PathStep } from './field-path.ts'
import type { SchemaNode } from './schema-node.ts'

interface ListRun {
  readonly errors: StatusCause[]
  readonly path: PathStep[]
}

type ListCheck = (value: Json, run: ListRun) => void

/**
 * Checks that lists of type `set` hold no element twice and lists of type `map` no key twice. Returns undefined when
 * the schema has no such list.
 */
export function compileListCheck(root: SchemaNode): ((object: JsonObject) => StatusCause[]) | undefined {
  const check = compile(root)
  if (check === undefined) return undefined
  return (object) => {
    const run: ListRun = { errors: [], path: [] }
    check(object, run)
    return run.errors
  }
}

function compile(node: SchemaNode): ListCheck | undefined {
  const list = listCheck(node)
  const object = objectCheck(node)
  if (list === undefined && object === undefined) return undefined
  return (value, run) => {
    if (Array.isArray(value)) list?.(value, run)
    else if (isJsonObject(value)) object?.(value, run)
  }
}

function objectCheck({ properties, additionalProperties }: SchemaNode): ListCheck | undefined {
  const checks = new Map<string, ListCheck>()
  for (const [key, schema] of properties) {
    const check = compile(schema)
    if (check !== undefined) checks.set(key, check)
  }
  const additional = typeof additionalProperties === 'object' ? compile(additionalProperties) : undefined
  if (checks.size === 0 && additional === undefined) return undefined
  return (value, run) => {
    const object = value as JsonObject
    for (const key in object) {
      const member = object[key]
      if (member === undefined) continue
      const property = checks.get(key)
      const check = property ?? additional
      if (check === undefined) continue
      run.path.push(property === undefined ? { mapKey: key } : key)
      check(member, run)
      run.path.pop()
    }
  }
}

function listCheck({ listType, listMapKeys, items }: SchemaNode): ListCheck | undefined {
  const unique = uniqueCheck(listType, listMapKeys)
  const item = items === undefined ? undefined : compile(items)
  if (unique === undefined && item === undefined) return undefined
  return (value, run) => {
    const list = value as Json[]
    unique?.(list, run)
    if (item === undefined) return
    for (let index = 0; index < list.length; index++) {
      run.path.push(index)
      item(list[index] ?? null, run)
      run.path.pop()
    }
  }
}

function uniqueCheck(listType: string | undefined, keys: readonly string[]): ListCheck | undefined {
  if (listType === 'set') {
    return (value, run) => {
      const list = value as Json[]
      for (const index of repeats(list)) report(run, index, list[index] ?? null)
    }
  }
  if (listType !== 'map') return undefined
  return (value, run) => {
    const list = value as Json[]
    const stray = list.findIndex((item) => item !== null && !isJsonObject(item))
    if (stray >= 0) {
      const field = pathText([...run.path, stray])
      run.errors.push(
        invalidField(field, list[stray] ?? null, 'must be an object for an array of list-type map'),
      )
      return
    }
    if (list.length > 1) reportRepeatedKeys(list, keys, run)
  }
}

function reportRepeatedKeys(list: readonly Json[], keys: readonly string[], run: ListRun): void {
  const [only] = keys
  if (keys.length === 1 && only !== undefined) {
    const values = list.map((item) => (isJsonObject(item) ? item[only] : undefined))
    for (const index of repeats(values)) {
      const value = values[index]
      report(run, index, value === undefined ? {} : { [only]: value })
    }
    return
  }
  const values = list.map((item) => {
    const key: JsonObject = {}
    for (const name of keys) if (isJsonObject(item) && item[name] !== undefined) key[name] = item[name]
    return key
  })
  for (const index of repeats(values)) report(run, index, values[index] ?? {})
}

function report(run: ListRun, index: number, value: Json): void {
  run.errors.push(duplicateField(pathText([...run.path, index]), value))
}

/** The indices of the first repeat of every value that occurs more than once. */
function repeats(values: readonly (Json | undefined)[]): number[] {
  if (values.length <= 1) return []
  const seen = new Map<Json | undefined, number>()
  const found: number[] = []
  for (const [index, value] of values.entries()) {
    // Compound values are compared by their JSON, marked so that no string is mistaken for one.
    const key =
      typeof value === 'object' && value !== null
        ? `\u0000${goJson(value)}`
        : value === null
          ? '\u0000null'
          : value
    const times = seen.get(key) ?? 0
    if (times === 1) found.push(index)
    seen.set(key, times + 1)
  }
  return found
}
