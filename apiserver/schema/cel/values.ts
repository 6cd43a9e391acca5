import { Duration } from '@marcbachmann/cel-js/evaluator'
import { Optional } from '@marcbachmann/cel-js'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'

/** JSON as a value of type `dyn`: whole numbers become integers. */
export function dynamicValue(value: Json | undefined): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(dynamicValue)
  if (!isJsonObject(value)) return value ?? null
  const map = new Map<string, unknown>()
  for (const key of Object.keys(value)) if (value[key] !== undefined) map.set(key, dynamicValue(value[key]))
  return map
}

/** A value of an expression as JSON: what a mutation writes, or a message shows. Undefined for what has no JSON. */
export function jsonValue(value: unknown): Json | undefined {
  switch (typeof value) {
    case 'bigint':
      return Number(value)
    case 'string':
    case 'number':
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : jsonOfObject(value)
    case 'undefined':
    case 'symbol':
    case 'function':
      return undefined
  }
}

function jsonOfObject(value: object): Json | undefined {
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => jsonValue(item) ?? null)
  if (value instanceof CelObject) return value.raw
  if (value instanceof Map) return jsonOfEntries([...(value as Map<unknown, unknown>)])
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, 'Z')
  if (value instanceof Duration) return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Optional) return value.hasValue() ? jsonValue(value.value()) : undefined
  return Object.getPrototypeOf(value) === Object.prototype ? jsonOfEntries(Object.entries(value)) : undefined
}

function jsonOfEntries(entries: [unknown, unknown][]): JsonObject {
  const object: JsonObject = {}
  for (const [key, item] of entries) {
    const json = jsonValue(item)
    if (typeof key === 'string' && key !== '__proto__' && json !== undefined) object[key] = json
  }
  return object
}

/** A field of an object type: where it stands in JSON, and how it becomes a value. */
export interface CelMember {
  readonly name: string
  readonly convert: (value: Json) => unknown
}

/**
 * An object of a schema's type. Its fields become values when they are looked at. There is one subclass per type, by
 * which the evaluator tells types apart.
 */
export class CelObject extends Map<string, unknown> {
  readonly raw: JsonObject
  readonly #members: ReadonlyMap<string, CelMember>

  constructor(raw: JsonObject, members: ReadonlyMap<string, CelMember>) {
    super()
    this.raw = raw
    this.#members = members
  }

  override get(key: string): unknown {
    const known = super.get(key)
    if (known !== undefined) return known
    const member = this.#members.get(key)
    const value = member === undefined ? undefined : this.raw[member.name]
    if (member === undefined || value === undefined) return undefined
    const converted = member.convert(value)
    this.set(key, converted)
    return converted
  }
}
