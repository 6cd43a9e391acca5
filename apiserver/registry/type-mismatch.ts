import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition } from './resource-definition.ts'

interface Place {
  /** The type that the field belongs to, as Kubernetes names it. */
  readonly struct: string
  /** From the root, without indices. */
  readonly path: readonly string[]
}

/**
 * What Kubernetes says of a built-in object with a value of another JSON type than the kind has in that place; undefined
 * when all fit. It answers so before it looks at anything else.
 */
export function typeMismatch({ kind, schema }: ResourceDefinition, object: KubeObject): string | undefined {
  const { properties } = schema.compiled.root
  for (const [name, node] of properties) {
    if (name === 'metadata') continue
    const problem = mismatch(node, object[name], { struct: kind, path: [name] })
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Types of ObjectMeta that are not text, as Go names them. */
const metaTypes: Readonly<Record<string, string>> = {
  generation: 'int64',
  deletionGracePeriodSeconds: 'int64',
  labels: 'map[string]string',
  annotations: 'map[string]string',
  finalizers: '[]string',
  ownerReferences: '[]v1.OwnerReference',
  managedFields: '[]v1.ManagedFieldsEntry',
}

/** The same of metadata that is known not to fit; `field` is the first that does not, such as `metadata.labels`. */
export function metadataMismatch(
  { kind, custom }: ResourceDefinition,
  metadata: Json,
  field: string,
): string {
  const name = field.split('.')[1]?.replace(/\[.*/, '')
  if (!isJsonObject(metadata) || name === undefined) {
    const place = custom ? 'Go value' : `Go struct field ${kind}.metadata`
    return `json: cannot unmarshal ${jsonType(metadata)} into ${place} of type v1.ObjectMeta`
  }
  const value = metadata[name] ?? null
  const type = metaTypes[name] ?? 'string'
  const culprit = wrongMember(value, type)
  const [found, wanted] = culprit === undefined ? [value, type] : [culprit, memberType(type)]
  const place = `ObjectMeta.${custom ? '' : 'metadata.'}${name}`
  return `json: cannot unmarshal ${jsonType(found)} into Go struct field ${place} of type ${wanted}`
}

const memberType = (type: string) => type.replace(/^(map\[string\]|\[\])/, '')

/** The first member of a map or list that is none of its type; undefined when the value is no map or list at all. */
function wrongMember(value: Json, type: string): Json | undefined {
  const isMap = type.startsWith('map[') && isJsonObject(value)
  const members = isMap ? Object.values(value) : Array.isArray(value) ? value : []
  const expected = memberType(type) === 'string' ? 'string' : 'object'
  return members.find((member) => member !== undefined && jsonType(member) !== expected)
}

function mismatch(node: SchemaNode, value: Json | undefined, place: Place): string | undefined {
  if (value === undefined || value === null) return undefined
  if (!fits(node, value)) {
    const field = `${place.struct}.${place.path.join('.')}`
    return `json: cannot unmarshal ${jsonType(value)} into Go struct field ${field} of type ${goType(node, place)}`
  }
  if (Array.isArray(value)) return first(value, (item) => node.items && mismatch(node.items, item, place))
  return isJsonObject(value) ? mismatchIn(node, value, place) : undefined
}

function mismatchIn(node: SchemaNode, object: JsonObject, place: Place): string | undefined {
  const { additionalProperties, properties } = node
  if (typeof additionalProperties === 'object') {
    return first(Object.values(object), (value) => mismatch(additionalProperties, value, place))
  }
  const struct = structName(place)
  return first(Object.entries(object), ([name, value]) => {
    const field = properties.get(name)
    return field && mismatch(field, value, { struct, path: [...place.path, name] })
  })
}

function first<T>(values: readonly T[], look: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const found = look(value)
    if (found !== undefined) return found
  }
  return undefined
}

function fits({ type, intOrString }: SchemaNode, value: Json): boolean {
  const actual = jsonType(value)
  if (intOrString) return actual === 'string' || actual === 'number'
  switch (type) {
    case 'string':
    case 'object':
    case 'array':
      return actual === type
    case 'boolean':
      return actual === 'bool'
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return actual === 'number'
    default:
      return true
  }
}

function jsonType(value: Json): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function goType(node: SchemaNode, place: Place): string {
  const { type, format, items, additionalProperties } = node
  switch (type) {
    case 'boolean':
      return 'bool'
    case 'integer':
      return format === 'int64' ? 'int64' : 'int32'
    case 'number':
      return 'float64'
    case 'array':
      return `[]${items ? goType(items, place) : 'string'}`
    case 'object':
      return typeof additionalProperties === 'object'
        ? `map[string]${goType(additionalProperties, place)}`
        : `v1.${structName(place)}`
    default:
      return format === 'byte' ? '[]uint8' : 'string'
  }
}

/** `spec` of a Lease is a LeaseSpec, one of its `ports` a Port. */
function structName({ struct, path }: Place): string {
  const name = path.at(-1) ?? ''
  const capital = name.charAt(0).toUpperCase() + name.slice(1)
  return path.length === 1 && (name === 'spec' || name === 'status')
    ? `${struct}${capital}`
    : capital.replace(/s$/, '')
}
