import { StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { fieldOf, listElement, type FieldType, type ListType, type MapType } from './field-type.ts'
import { goSyntax, goText, goTypeName } from './go-text.ts'
import { printElement } from './path-element.ts'

/**
 * Checks that an applied configuration can be owned field by field: only fields that the schema knows, values of the
 * types that it has there, no element of an associative list twice. Throws a StatusError as Kubernetes does, with code
 * 500 and no reason.
 */
export function checkApplied(type: FieldType, applied: JsonObject): void {
  const errors: string[] = []
  check(type, applied, '', errors)
  if (errors.length === 0) return
  const text = errors.length === 1 ? errors[0] : `errors:\n${errors.map((error) => `  ${error}`).join('\n')}`
  throw new StatusError('', `failed to create typed patch object (${describe(applied)}): ${text}`)
}

const textOf = (value: Json | undefined) => (typeof value === 'string' ? value : '')

function describe(object: JsonObject): string {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  return `${textOf(metadata['namespace'])}/${textOf(metadata['name'])}; ${kindText(object)}`
}

/** What an object says it is: `kvorum.dev/v1alpha1, Kind=Host`, `/v1, Kind=Secret`. */
export function kindText(object: JsonObject): string {
  const apiVersion = textOf(object['apiVersion'])
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${textOf(object['kind'])}`
}

function check(type: FieldType, value: Json, path: string, errors: string[]): void {
  const { list, map, scalar } = type
  if (value === null) return
  if (Array.isArray(value) && list !== undefined) checkList(list, value, path, errors)
  else if (isJsonObject(value) && map !== undefined) checkMap(map, value, path, errors)
  else if (scalar) checkScalar(type, value, path, errors)
  else errors.push(`${path}: expected ${map === undefined ? 'list' : 'map'}, got &{${goText(value)}}`)
}

function checkScalar({ scalarType }: FieldType, value: Json, path: string, errors: string[]): void {
  const problem = scalarProblem(scalarType, value)
  if (problem !== undefined) errors.push(`${path}: ${problem}`)
}

function scalarProblem(expected: FieldType['scalarType'], value: Json): string | undefined {
  switch (expected) {
    case 'numeric':
      if (typeof value === 'number') return undefined
      return `expected numeric (int or float), got ${goTypeName(value)}`
    case 'string':
      if (typeof value === 'string') return undefined
      return `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`
    case undefined:
      return typeof value === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined
  }
}

function checkMap(map: MapType, object: JsonObject, path: string, errors: string[]): void {
  for (const name of Object.keys(object).toSorted()) {
    const value = object[name]
    if (value === undefined) continue
    const at = `${path}.${name}`
    if (map.fields.has(name) || map.element !== undefined) check(fieldOf(map, name), value, at, errors)
    else errors.push(`${at}: field not declared in schema`)
  }
}

function checkList(list: ListType, items: Json[], path: string, errors: string[]): void {
  const seen = new Set<string>()
  for (const [index, item] of items.entries()) {
    if (list.atomic) {
      check(list.element, item, `${path}[${index}]`, errors)
      continue
    }
    const element = listElement(list, item)
    if (typeof element !== 'string') {
      errors.push(`${path}: element ${index}: ${element.error}`)
      return
    }
    if (seen.has(element)) errors.push(`${path}: duplicate entries for key ${printElement(element)}`)
    seen.add(element)
    check(list.element, item, `${path}${printElement(element)}`, errors)
  }
}
