import { Duration } from '@marcbachmann/cel-js/evaluator'
import type { Environment } from '@marcbachmann/cel-js'
import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json } from '../../../crds/meta/json.ts'
import type { SchemaNode } from '../schema-node.ts'
import { CelObject, dynamicValue, type CelMember } from './values.ts'

/** A schema as CEL sees it: the name of its type, and how JSON becomes a value of it. */
export interface CelType {
  readonly name: string
  readonly convert: (value: Json) => unknown
}

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return'.split(
    ' ',
  ),
)
const escapes: Record<string, string> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
}

/** The name of a field as rules write it: `a-b` is `a__dash__b`. Undefined for names that rules cannot reach. */
export function escapeField(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined
  return name.replace(/__|[.\-/]/g, (found) => escapes[found] ?? found)
}

const scalars: Partial<Record<string, CelType>> = {
  boolean: { name: 'bool', convert: same },
  number: { name: 'double', convert: same },
  integer: {
    name: 'int',
    convert: (value) => (typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value),
  },
}

const formats: Partial<Record<string, CelType>> = {
  byte: {
    name: 'bytes',
    convert: (value) => (typeof value === 'string' ? Buffer.from(value, 'base64') : value),
  },
  date: { name: 'google.protobuf.Timestamp', convert: toDate },
  'date-time': { name: 'google.protobuf.Timestamp', convert: toDate },
  duration: { name: 'google.protobuf.Duration', convert: toDuration },
}

function same(value: Json): Json {
  return value
}

function toDate(value: Json): unknown {
  return typeof value === 'string' ? new Date(value) : value
}

const nanosPer: Partial<Record<string, number>> = {
  h: 3.6e12,
  m: 6e10,
  s: 1e9,
  ms: 1e6,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ns: 1,
}

function toDuration(value: Json): unknown {
  if (typeof value !== 'string') return value
  let nanos = 0
  for (const [, amount, unit = ''] of value.matchAll(/([0-9.]+)(h|ms|m|s|us|µs|μs|ns)/g)) {
    nanos += Number(amount) * (nanosPer[unit] ?? 0)
  }
  const total = BigInt(Math.round(nanos)) * (value.startsWith('-') ? -1n : 1n)
  return new Duration(total / 1_000_000_000n, Number(total % 1_000_000_000n))
}

/** Makes types of schemas and registers them with an environment. */
export class CelTypes {
  readonly #environment: Environment
  readonly #types = new Map<SchemaNode, CelType | undefined>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /**
   * The type of a schema; undefined for what rules cannot look into. `path` names it, and makes the name unique;
   * `isRoot` is for whole objects, whose `apiVersion`, `kind` and `metadata` are implicit.
   */
  typeOf(node: SchemaNode, path: string, isRoot: boolean): CelType | undefined {
    if (this.#types.has(node)) return this.#types.get(node)
    const type = this.#make(node, path, isRoot)
    // What may be null is checked when it is used: a declared type would refuse null.
    const known = type !== undefined && node.nullable ? nullable(type) : type
    this.#types.set(node, known)
    return known
  }

  #make(node: SchemaNode, path: string, isRoot: boolean): CelType | undefined {
    if (node.intOrString) return { name: 'dyn', convert: dynamicValue }
    switch (node.type) {
      case 'array':
        return this.#list(node, path)
      case 'object':
        return typeof node.additionalProperties === 'object' && !isRoot
          ? this.#map(node.additionalProperties, path)
          : this.#object(node, path, isRoot)
      case 'string':
        return formats[node.format] ?? { name: 'string', convert: same }
      default:
        return scalars[node.type]
    }
  }

  #list({ items, listType }: SchemaNode, path: string): CelType | undefined {
    const item = items === undefined ? undefined : this.typeOf(items, `${path}.items`, items.embeddedResource)
    if (item === undefined) return undefined
    const { convert } = item
    // A JavaScript set compares without regard to order, as sets have to.
    const isSet = listType === 'set' && (items?.type === 'string' || items?.type === 'integer')
    return {
      name: `list<${item.name}>`,
      convert: (value) => {
        if (!Array.isArray(value)) return value
        return isSet ? new Set(value.map(convert)) : value.map(convert)
      },
    }
  }

  #map(values: SchemaNode, path: string): CelType | undefined {
    const type = this.typeOf(values, `${path}.values`, values.embeddedResource)
    if (type === undefined) return undefined
    return {
      name: `map<string, ${type.name}>`,
      convert: (value) => {
        if (!isJsonObject(value)) return value
        const map = new Map<string, unknown>()
        for (const [key, item] of Object.entries(value))
          if (item !== undefined) map.set(key, type.convert(item))
        return map
      },
    }
  }

  #object(node: SchemaNode, path: string, isRoot: boolean): CelType {
    const members = new Map<string, CelMember>()
    const fields: Record<string, string> = {}
    const add = (name: string, type: CelType | undefined) => {
      const escaped = escapeField(name)
      if (escaped === undefined || type === undefined) return
      members.set(escaped, { name, convert: type.convert })
      fields[escaped] = type.name
    }
    for (const [name, child] of node.properties) {
      if (isRoot && implicit.has(name)) continue
      add(name, this.typeOf(child, `${path}.${name.replace(/[^a-zA-Z0-9_]/g, '_')}`, child.embeddedResource))
    }
    if (isRoot) this.#addImplicit(path, add)
    return this.#register(path, members, fields)
  }

  #addImplicit(path: string, add: (name: string, type: CelType) => void): void {
    const text: CelType = { name: 'string', convert: same }
    const names = ['name', 'generateName']
    const members = new Map<string, CelMember>(names.map((name) => [name, { name, convert: same }]))
    add('apiVersion', text)
    add('kind', text)
    add('metadata', this.#register(`${path}.metadata`, members, { name: 'string', generateName: 'string' }))
  }

  #register(path: string, members: ReadonlyMap<string, CelMember>, fields: Record<string, string>): CelType {
    const constructor = class extends CelObject {}
    this.#environment.registerType(path, { ctor: constructor, fields })
    this.#environment.registerOperator(`${path} == ${path}`, (a: CelObject, b: CelObject) =>
      jsonEqual(a.raw, b.raw),
    )
    return { name: path, convert: (value) => (isJsonObject(value) ? new constructor(value, members) : value) }
  }
}

const implicit = new Set(['apiVersion', 'kind', 'metadata'])

function nullable({ convert }: CelType): CelType {
  return { name: 'dyn', convert: (value) => (value === null ? null : convert(value)) }
}
