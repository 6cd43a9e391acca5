import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { SchemaNode } from './schema-node.ts'

/** Returns the value itself when there was nothing to fill in, otherwise a copy that shares what it kept. */
type Fill = (value: Json, nulls: NullTreatment) => Json

/** What becomes of a null where none is allowed and there is no default. */
export type NullTreatment = 'drop' | 'keep'

interface Member {
  readonly nullable: boolean
  /** With the defaults inside it filled in; shared by every object that gets it. */
  readonly initial: Json | undefined
  readonly fill: Fill | undefined
}

/**
 * Compiles defaulting: fields that are missing get their default, a null where none is allowed counts as missing, and
 * is dropped when there is no default.
 */
export function compileDefaults(root: SchemaNode): (object: JsonObject, nulls?: NullTreatment) => JsonObject {
  const fill = compile(root)
  return (object, nulls = 'drop') => (fill === undefined ? object : (fill(object, nulls) as JsonObject))
}

function compile(node: SchemaNode): Fill | undefined {
  const object = compileObject(node)
  const list = compileList(node)
  if (object === undefined && list === undefined) return undefined
  return (value, nulls) => {
    if (Array.isArray(value)) return list === undefined ? value : list(value, nulls)
    return isJsonObject(value) && object !== undefined ? object(value, nulls) : value
  }
}

function member(node: SchemaNode): Member {
  const fill = compile(node)
  const initial = node.default === undefined ? undefined : (fill?.(node.default, 'drop') ?? node.default)
  return { nullable: node.nullable, initial, fill }
}

function compileObject({ properties, additionalProperties }: SchemaNode): Fill | undefined {
  const members = new Map<string, Member>()
  for (const [key, schema] of properties) members.set(key, member(schema))
  const additional = typeof additionalProperties === 'object' ? member(additionalProperties) : undefined
  if (members.size === 0 && additional === undefined) return undefined
  const initials = [...members].filter(([, { initial }]) => initial !== undefined)

  return (value, nulls) => {
    const object = value as JsonObject
    let result = object
    for (const key in object) {
      const current = object[key]
      const known = members.get(key) ?? additional
      if (current === undefined || known === undefined) continue
      const next = filled(current, known, nulls)
      if (next === current) continue
      if (result === object) result = { ...object }
      if (next === undefined) delete result[key]
      else result[key] = next
    }
    for (const [key, { initial }] of initials) {
      if (object[key] !== undefined) continue
      if (result === object) result = { ...object }
      result[key] = initial
    }
    return result
  }
}

/** The value with defaults filled in; undefined when it is a null that must go. */
function filled(value: Json, { nullable, initial, fill }: Member, nulls: NullTreatment): Json | undefined {
  if (value === null) return nullable ? null : (initial ?? (nulls === 'keep' ? null : undefined))
  return fill === undefined || typeof value !== 'object' ? value : fill(value, nulls)
}

function compileList({ items }: SchemaNode): Fill | undefined {
  if (items === undefined) return undefined
  const element = member(items)
  if (element.fill === undefined && element.initial === undefined) return undefined
  return (value, nulls) => {
    const list = value as Json[]
    let result = list
    for (let index = 0; index < list.length; index++) {
      const current = list[index] ?? null
      // An element cannot go missing: a null without a default stays, for validation to refuse.
      const next = filled(current, element, nulls) ?? null
      if (next === current) continue
      if (result === list) result = [...list]
      result[index] = next
    }
    return result
  }
}
