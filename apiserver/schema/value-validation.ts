import type { Json, JsonObject } from '../../crds/meta/json.ts'
import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { Correlation } from './correlation.ts'
import { combinatorCheck } from './combinators.ts'
import { goJson, invalidField, requiredField, tooManyField, unsupportedField } from './field-error.ts'
import { formatCheck, numberCheck, stringCheck } from './scalar-validation.ts'
import type { SchemaNode } from './schema-node.ts'
import { nullCheck, typeCheck } from './type-check.ts'
import type { Check, ValueRun } from './value-run.ts'

/**
 * Compiles the value validations of a schema (types, formats, limits, `required`, `enum`, `allOf`, …) into one closure.
 * `nested` is for what stands under a combinator: it inherits its parent's ratcheting and does none of its own.
 */
export function compileCheck(node: SchemaNode, nested = false): Check {
  const check = compileParts(node)
  if (nested) return check
  return (value, run, old) => {
    if (old === undefined) return check(value, run, old)
    const before = run.errors.length
    check(value, run, old)
    if (run.errors.length > before && old.unchanged) run.errors.length = before
  }
}

function compileParts(node: SchemaNode): Check {
  const ofNull = joined(nullCheck(node), enumCheck(node))
  const type = joined(
    typeCheck(node),
    combinatorCheck(node, (branch) => compileCheck(branch, true)),
  )
  const shape = shapeCheck(node)
  const enumeration = enumCheck(node)

  return (value, run, old) => {
    run.progress += 5
    if (value === null) {
      ofNull?.(value, run, old)
      return
    }
    type?.(value, run, old)
    shape(value, run, old)
    enumeration?.(value, run, old)
  }
}

/** The checks that go with the JSON type of the value, whatever type the schema asks for. */
function shapeCheck(node: SchemaNode): Check {
  const text = joined(stringCheck(node), formatCheck(node))
  const number = numberCheck(node)
  const list = listCheck(node)
  const object = objectCheck(node)
  return (value, run, old) => {
    if (typeof value === 'string') text?.(value, run, old)
    else if (typeof value === 'number') number?.(value, run, old)
    else if (typeof value !== 'object') return
    else if (Array.isArray(value)) list?.(value, run, old)
    else object(value, run, old)
  }
}

function joined(first: Check | undefined, second: Check | undefined): Check | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return (value, run, old) => {
    first(value, run, old)
    second(value, run, old)
  }
}

function enumCheck({ enum: allowed }: SchemaNode): Check | undefined {
  if (allowed.length === 0) return undefined
  const scalars = new Set<Json>(allowed.filter((item) => typeof item !== 'object'))
  const compounds = allowed.filter((item) => typeof item === 'object' && item !== null)
  const listed = allowed.map((item) => (typeof item === 'string' ? item : goJson(item)))
  return (value, run) => {
    if (scalars.has(value) || compounds.some((item) => jsonEqual(item, value))) return
    run.errors.push(unsupportedField(run.field, value, listed))
  }
}

function listCheck({ items, minItems, maxItems, uniqueItems }: SchemaNode): Check | undefined {
  const item = items === undefined ? undefined : compileCheck(items)
  if (item === undefined && minItems === undefined && maxItems === undefined && !uniqueItems) return undefined
  return (value, run, old) => {
    const list = value as Json[]
    run.progress += 1
    if (item !== undefined) eachItem(list, item, run, old)
    if (minItems !== undefined && list.length < minItems) {
      const message = `${run.place} in body should have at least ${minItems} items`
      run.errors.push(invalidField(run.field, list.length, message))
    }
    if (maxItems !== undefined && list.length > maxItems) {
      run.errors.push(tooManyField(run.field, list.length, maxItems))
    }
    if (
      uniqueItems &&
      list.some((one, index) => list.slice(0, index).some((other) => jsonEqual(one, other)))
    ) {
      run.errors.push(invalidField(run.field, '', `${run.place} in body shouldn't contain duplicates`))
    }
  }
}

function eachItem(list: Json[], item: Check, run: ValueRun, old: Parameters<Check>[2]): void {
  for (let index = 0; index < list.length; index++) {
    run.path.push(index)
    item(list[index] ?? null, run, old?.index(index))
    run.path.pop()
  }
}

function objectCheck(node: SchemaNode): Check {
  const { required } = node
  const limited = node.minProperties !== undefined || node.maxProperties !== undefined
  const members = membersCheck(node)
  return (value, run, old) => {
    const object = value as JsonObject
    if (limited) checkSize(node, object, run)
    members?.(object, run, old)
    for (const key of required) {
      if (object[key] !== undefined) continue
      run.path.push(key)
      run.errors.push(requiredField(run.field))
      run.path.pop()
    }
  }
}

function membersCheck({ properties, additionalProperties }: SchemaNode): Check | undefined {
  const checks = new Map<string, Check>()
  for (const [key, schema] of properties) checks.set(key, compileCheck(schema))
  const other = additionalCheck(additionalProperties)
  if (checks.size === 0 && other === undefined) return undefined
  return (value, run, old) => {
    const object = value as JsonObject
    for (const key in object) {
      const member = object[key]
      const check = checks.get(key) ?? other
      if (member === undefined || check === undefined) continue
      const correlated = old === undefined ? undefined : correlatedMember(old, key, run)
      run.path.push(key)
      check(member, run, correlated)
      run.path.pop()
    }
  }
}

function additionalCheck(additional: SchemaNode['additionalProperties']): Check | undefined {
  if (typeof additional === 'object') return compileCheck(additional)
  if (additional !== false) return undefined
  return (_, run) => {
    const key = run.path.pop() ?? ''
    const name = typeof key === 'object' ? key.mapKey : key
    run.errors.push(invalidField(run.field, name, `${run.place}.${name} in body is a forbidden property`))
    run.path.push(key)
  }
}

/** The type of an object is not part of what changed: old and new were converted to the same one. */
function correlatedMember(old: Correlation, key: string, run: ValueRun): Correlation | undefined {
  return run.path.length === 0 && (key === 'kind' || key === 'apiVersion') ? undefined : old.key(key)
}

function checkSize({ minProperties, maxProperties }: SchemaNode, object: JsonObject, run: ValueRun): void {
  const size = Object.keys(object).length
  if (minProperties !== undefined && size < minProperties) {
    const message = `${run.place} in body should have at least ${minProperties} properties`
    run.errors.push(invalidField(run.field, size, message))
  }
  if (maxProperties !== undefined && size > maxProperties) {
    run.errors.push(tooManyField(run.field, size, maxProperties))
  }
}
