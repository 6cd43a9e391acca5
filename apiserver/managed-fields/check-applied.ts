import { badRequest } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import { fieldOf, listElement, type FieldType, type ListType, type MapType } from './field-type.ts'
import { printElement } from './path-element.ts'

/**
 * Checks that an applied configuration can be owned field by field: only fields that the schema knows, lists and
 * objects where the schema has them, no element of an associative list twice. Throws a BadRequest StatusError.
 */
export function checkApplied(type: FieldType, applied: JsonObject): void {
  const errors: string[] = []
  check(type, applied, '', errors)
  if (errors.length === 0) return
  const text = errors.length === 1 ? errors[0] : `errors:\n${errors.map((error) => `  ${error}`).join('\n')}`
  throw badRequest(`failed to create typed patch object (${describe(applied)}): ${text}`)
}

function describe(object: JsonObject): string {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : '')
  return `${text(metadata['namespace'])}/${text(metadata['name'])}; ${text(object['apiVersion'])}, Kind=${text(object['kind'])}`
}

function check(type: FieldType, value: Json, path: string, errors: string[]): void {
  const { list, map, scalar } = type
  if (value === null) return
  if (Array.isArray(value)) {
    if (list !== undefined) checkList(list, value, path, errors)
    else errors.push(complaint(path, scalar ? 'scalar' : 'map', value))
  } else if (typeof value === 'object') {
    if (map !== undefined) checkMap(map, value, path, errors)
    else errors.push(complaint(path, scalar ? 'scalar' : 'list', value))
  } else if (!scalar) errors.push(complaint(path, map === undefined ? 'list' : 'map', value))
}

function complaint(path: string, expected: string, value: Json): string {
  return `${path}: expected ${expected}, got &{${typeof value === 'object' ? JSON.stringify(value) : String(value)}}`
}

function checkMap(map: MapType, object: JsonObject, path: string, errors: string[]): void {
  for (const name in object) {
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
