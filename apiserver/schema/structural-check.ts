import type { StatusCause } from '../../apimachinery/status-error.ts'
import { forbiddenField, invalidField, requiredField } from './field-error.ts'
import { compilePattern } from './pattern.ts'
import type { SchemaNode } from './schema-node.ts'

type Level = 'root' | 'item' | 'field'

/**
 * What keeps a schema from being structural: every level typed, nothing but value validations under combinators, and
 * everything named there also specified outside. Sorted by message, as Kubernetes reports them.
 */
export function structuralErrors(root: SchemaNode, path: string): StatusCause[] {
  const errors: StatusCause[] = []
  checkLevel(root, 'root', path, errors)
  checkComplete(root, root, { structural: path, nested: path }, errors)
  const text = ({ field, message }: StatusCause) => `${field}: ${message}`
  return errors.toSorted((a, b) => (text(a) < text(b) ? -1 : 1))
}

function checkLevel(node: SchemaNode, level: Level, path: string, errors: StatusCause[]): void {
  if (node.type === 'array' && node.items === undefined) {
    errors.push(requiredField(`${path}.items`, 'must be specified'))
  }
  if (node.items !== undefined) checkLevel(node.items, 'item', `${path}.items`, errors)
  for (const [key, child] of node.properties) checkLevel(child, 'field', `${path}.properties[${key}]`, errors)
  checkAdditional(node, level, path, errors)
  checkExtensions(node, path, errors)
  checkCombinators(node, exemptions(node), path, errors)
  checkType(node, level, path, errors)
  if (level === 'root' || node.embeddedResource) checkTypeMeta(node, path, errors)
  checkMetadata(node, level, path, errors)
}

function checkAdditional(node: SchemaNode, level: Level, path: string, errors: StatusCause[]): void {
  const { additionalProperties } = node
  const at = `${path}.additionalProperties`
  if (additionalProperties === undefined) return
  if (level === 'root') errors.push(forbiddenField(at, 'must not be used at the root'))
  if (typeof additionalProperties === 'object') checkLevel(additionalProperties, 'field', at, errors)
  if (node.embeddedResource) {
    errors.push(forbiddenField(at, 'must not be used if x-kubernetes-embedded-resource is set'))
  }
}

function checkExtensions(node: SchemaNode, path: string, errors: StatusCause[]): void {
  if (node.embeddedResource && !node.preserveUnknownFields && node.properties.size === 0) {
    const detail =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(requiredField(`${path}.properties`, detail))
  }
  if (!node.intOrString) return
  const detail = 'must be false if x-kubernetes-int-or-string is true'
  if (node.preserveUnknownFields) {
    errors.push(invalidField(`${path}.x-kubernetes-preserve-unknown-fields`, true, detail))
  }
  if (node.embeddedResource) errors.push(invalidField(`${path}.x-kubernetes-embedded-resource`, true, detail))
}

const emptyTypeAt: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function checkType(node: SchemaNode, level: Level, path: string, errors: StatusCause[]): void {
  const at = `${path}.type`
  if (node.embeddedResource && node.type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(node.type === '' ? requiredField(at, detail) : invalidField(at, node.type, detail))
  } else if (node.type === '' && !node.intOrString && !node.preserveUnknownFields) {
    errors.push(requiredField(at, emptyTypeAt[level]))
  }
  if (level === 'root' && node.type !== '' && node.type !== 'object') {
    errors.push(invalidField(at, node.type, 'must be object at the root'))
  }
}

function checkTypeMeta(node: SchemaNode, path: string, errors: StatusCause[]): void {
  for (const key of ['kind', 'apiVersion']) {
    const schema = node.properties.get(key)
    if (schema !== undefined && schema.type !== 'string') {
      errors.push(invalidField(`${path}.properties[${key}].type`, schema.type, 'must be string'))
    }
  }
}

function checkMetadata(node: SchemaNode, level: Level, path: string, errors: StatusCause[]): void {
  const metadata = node.properties.get('metadata')
  const at = `${path}.properties[metadata]`
  if (metadata === undefined) return
  if ((level === 'root' || node.embeddedResource) && metadata.type !== 'object') {
    errors.push(invalidField(`${at}.type`, metadata.type, 'must be object'))
  }
  if (level !== 'root') return
  const onlyNames = [...metadata.properties.keys()].every((key) => key === 'name' || key === 'generateName')
  if (onlyNames && saysNothingElse({ ...metadata, properties: new Map(), type: '', default: undefined }))
    return
  const detail =
    'must not specify anything other than name and generateName, but metadata is implicitly specified'
  errors.push(forbiddenField(at, detail))
}

/** True when every keyword of a node has the value that stands for "not given". */
function saysNothingElse(node: SchemaNode): boolean {
  return Object.values(node).every(
    (value) =>
      value === undefined ||
      value === '' ||
      value === false ||
      (Array.isArray(value) && value.length === 0) ||
      (value instanceof Map && value.size === 0),
  )
}

interface Exemptions {
  readonly anyOf: boolean
  readonly firstAllOf: boolean
}

/** Int-or-string may be spelled out as `anyOf: [{type: integer}, {type: string}]`, also first under `allOf`. */
function exemptions(node: SchemaNode): Exemptions {
  const first = node.allOf[0]
  return { anyOf: isIntOrString(node.anyOf), firstAllOf: first !== undefined && isIntOrString(first.anyOf) }
}

function isIntOrString(branches: readonly SchemaNode[]): boolean {
  const plain = (type: string, branch: SchemaNode | undefined) =>
    branch !== undefined && branch.type === type && saysNothingElse({ ...branch, type: '' })
  return branches.length === 2 && plain('integer', branches[0]) && plain('string', branches[1])
}

const noExemptions: Exemptions = { anyOf: false, firstAllOf: false }

function checkCombinators(node: SchemaNode, exempt: Exemptions, path: string, errors: StatusCause[]): void {
  if (!exempt.anyOf) {
    for (const [i, branch] of node.anyOf.entries())
      checkNested(branch, noExemptions, `${path}.anyOf[${i}]`, errors)
  }
  for (const [i, branch] of node.allOf.entries()) {
    const inner = { anyOf: exempt.firstAllOf && i === 0, firstAllOf: false }
    checkNested(branch, inner, `${path}.allOf[${i}]`, errors)
  }
  for (const [i, branch] of node.oneOf.entries())
    checkNested(branch, noExemptions, `${path}.oneOf[${i}]`, errors)
  if (node.not !== undefined) checkNested(node.not, noExemptions, `${path}.not`, errors)
  if (node.pattern === '') return
  const compiled = compilePattern(node.pattern)
  if (typeof compiled === 'string') {
    const detail = `must be a valid regular expression, but isn't: ${compiled}`
    errors.push(invalidField(`${path}.pattern`, node.pattern, detail))
  }
}

/** What must not stand under a combinator, with the words in which Kubernetes forbids it. */
const forbiddenNested: [keyword: string, given: (node: SchemaNode) => boolean, detail: string][] = [
  ['type', (node) => node.type !== '', 'must be empty to be structural'],
  [
    'additionalProperties',
    (node) => (node.additionalProperties ?? false) !== false,
    'must be undefined to be structural',
  ],
  ['default', (node) => node.default !== undefined, 'must be undefined to be structural'],
  ['title', (node) => node.title !== '', 'must be empty to be structural'],
  ['description', (node) => node.description !== '', 'must be empty to be structural'],
  ['nullable', (node) => node.nullable, 'must be false to be structural'],
  [
    'x-kubernetes-preserve-unknown-fields',
    (node) => node.preserveUnknownFields,
    'must be false to be structural',
  ],
  ['x-kubernetes-embedded-resource', (node) => node.embeddedResource, 'must be false to be structural'],
  ['x-kubernetes-int-or-string', (node) => node.intOrString, 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', (node) => node.listMapKeys.length > 0, 'must be empty to be structural'],
  ['x-kubernetes-list-type', (node) => node.listType !== undefined, 'must be undefined to be structural'],
  ['x-kubernetes-map-type', (node) => node.mapType !== undefined, 'must be undefined to be structural'],
  ['x-kubernetes-validations', (node) => node.validations.length > 0, 'must be empty to be structural'],
  [
    'properties[metadata]',
    (node) => node.properties.has('metadata'),
    'must not be specified in a nested context',
  ],
]

function checkNested(node: SchemaNode, exempt: Exemptions, path: string, errors: StatusCause[]): void {
  checkCombinators(node, exempt, path, errors)
  if (node.items !== undefined) checkNested(node.items, noExemptions, `${path}.items`, errors)
  for (const [key, child] of node.properties) {
    checkNested(child, noExemptions, `${path}.properties[${key}]`, errors)
  }
  for (const [keyword, given, detail] of forbiddenNested) {
    if (given(node)) errors.push(forbiddenField(`${path}.${keyword}`, detail))
  }
}

interface Places {
  readonly structural: string
  readonly nested: string
}

/** Everything that a combinator names must be specified outside of it too. */
function checkComplete(nested: SchemaNode, node: SchemaNode, at: Places, errors: StatusCause[]): void {
  const branches: [string, SchemaNode][] = [
    ...(nested.not === undefined ? [] : [['not', nested.not] as [string, SchemaNode]]),
    ...nested.allOf.map((branch, i): [string, SchemaNode] => [`allOf[${i}]`, branch]),
    ...nested.anyOf.map((branch, i): [string, SchemaNode] => [`anyOf[${i}]`, branch]),
    ...nested.oneOf.map((branch, i): [string, SchemaNode] => [`oneOf[${i}]`, branch]),
  ]
  for (const [name, branch] of branches) {
    checkBranch(branch, node, { structural: at.structural, nested: `${at.nested}.${name}` }, errors)
  }
}

function checkBranch(nested: SchemaNode, node: SchemaNode, at: Places, errors: StatusCause[]): void {
  checkComplete(nested, node, at, errors)
  const descend = (name: string, child: SchemaNode, counterpart: SchemaNode | undefined) => {
    const places = { structural: `${at.structural}.${name}`, nested: `${at.nested}.${name}` }
    if (counterpart !== undefined) checkBranch(child, counterpart, places, errors)
    else errors.push(requiredField(places.structural, `because it is defined in ${places.nested}`))
  }
  if (nested.items !== undefined) descend('items', nested.items, node.items)
  for (const [key, child] of nested.properties) descend(`properties[${key}]`, child, node.properties.get(key))
}
