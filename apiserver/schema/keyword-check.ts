import type { StatusCause } from '../../apimachinery/status-error.ts'
import { forbiddenField, invalidField, requiredField, unsupportedField } from './field-error.ts'
import { checkRules } from './rule-check.ts'
import type { SchemaNode } from './schema-node.ts'

/** What holds for a level of a schema because of where it stands. */
interface Place {
  readonly isRoot: boolean
  /** Inside `apiVersion`, `kind` or `metadata` of an object. */
  readonly insideMeta: boolean
  /** Why a default must not stand here, undefined when it may. */
  readonly noDefault: string | undefined
}

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const metaFields = new Set(['metadata', 'kind', 'apiVersion'])

/** What CRDs forbid in schemas besides what `structuralErrors` finds, in the words of Kubernetes. */
export function keywordErrors(root: SchemaNode, path: string): StatusCause[] {
  const errors: StatusCause[] = []
  if (root.nullable) errors.push(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'))
  check(root, { isRoot: true, insideMeta: false, noDefault: undefined }, path, errors)
  return errors
}

function check(node: SchemaNode, place: Place, path: string, errors: StatusCause[]): void {
  checkKeywords(node, place, path, errors)
  checkMapType(node, path, errors)
  checkListType(node, path, errors)
  checkListMap(node, path, errors)
  checkRules(node, path, errors)
  checkChildren(node, place, path, errors)
}

function checkKeywords(node: SchemaNode, place: Place, path: string, errors: StatusCause[]): void {
  if (node.type === 'null') {
    const detail = 'type cannot be set to null, use nullable as an alternative'
    errors.push(forbiddenField(`${path}.type`, detail))
  }
  if (node.type !== '' && !types.includes(node.type)) {
    errors.push(unsupportedField(`${path}.type`, node.type, types))
  }
  if (node.default !== undefined && place.noDefault !== undefined) {
    errors.push(forbiddenField(`${path}.default`, `must not be set ${place.noDefault}`))
  }
  if (place.insideMeta && node.embeddedResource) {
    errors.push(
      forbiddenField(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'),
    )
  }
  checkCollections(node, path, errors)
}

function checkCollections(node: SchemaNode, path: string, errors: StatusCause[]): void {
  if (node.uniqueItems) {
    const detail = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'
    errors.push(forbiddenField(`${path}.uniqueItems`, detail))
  }
  const { additionalProperties } = node
  if (node.properties.size > 0 && additionalProperties !== undefined && additionalProperties !== true) {
    const detail = 'additionalProperties and properties are mutual exclusive'
    errors.push(forbiddenField(`${path}.additionalProperties`, detail))
  }
}

function checkChildren(node: SchemaNode, place: Place, path: string, errors: StatusCause[]): void {
  const inner = { ...place, isRoot: false }
  if (typeof node.additionalProperties === 'object') {
    const noDefault = place.insideMeta
      ? 'inside additionalProperties applying to object metadata'
      : place.noDefault
    check(node.additionalProperties, { ...inner, noDefault }, `${path}.additionalProperties`, errors)
  }
  for (const [key, child] of node.properties) {
    const meta = (place.isRoot || node.embeddedResource) && metaFields.has(key)
    const noDefault = meta && place.isRoot ? `in top-level ${key}` : place.noDefault
    check(
      child,
      { isRoot: false, insideMeta: place.insideMeta || meta, noDefault },
      `${path}.properties[${key}]`,
      errors,
    )
  }
  if (node.items !== undefined) check(node.items, inner, `${path}.items`, errors)
  checkBranches(node, inner, path, errors)
}

function checkBranches(node: SchemaNode, inner: Place, path: string, errors: StatusCause[]): void {
  if (node.not !== undefined) check(node.not, inner, `${path}.not`, errors)
  for (const key of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [i, branch] of node[key].entries()) check(branch, inner, `${path}.${key}[${i}]`, errors)
  }
}

function checkMapType({ mapType, type }: SchemaNode, path: string, errors: StatusCause[]): void {
  if (mapType === undefined) return
  requireType(type, 'object', 'x-kubernetes-map-type', { path, errors })
  if (mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(unsupportedField(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']))
  }
}

function requireType(
  type: string,
  wanted: string,
  keyword: string,
  { path, errors }: { path: string; errors: StatusCause[] },
): boolean {
  if (type === wanted) return true
  const detail = `must be ${wanted} if ${keyword} is specified`
  errors.push(
    type === '' ? requiredField(`${path}.type`, detail) : invalidField(`${path}.type`, type, detail),
  )
  return false
}

function checkListType(node: SchemaNode, path: string, errors: StatusCause[]): void {
  const { listType, listMapKeys, items } = node
  const at = `${path}.x-kubernetes-list-type`
  if (listType !== undefined) {
    const isArray = requireType(node.type, 'array', 'x-kubernetes-list-type', { path, errors })
    if (isArray && listType === 'set' && items !== undefined) checkSetItems(items, `${path}.items`, errors)
    if (!['atomic', 'set', 'map'].includes(listType))
      errors.push(unsupportedField(at, listType, ['atomic', 'set', 'map']))
  }
  if (listMapKeys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty'
    errors.push(listType === undefined ? requiredField(at, detail) : invalidField(at, listType, detail))
  }
  checkListItems(node, path, errors)
}

function checkListItems({ listType, items }: SchemaNode, path: string, errors: StatusCause[]): void {
  if (items?.nullable !== true || (listType !== 'set' && listType !== 'map')) return
  const detail = `cannot be nullable when x-kubernetes-list-type is ${listType}`
  errors.push(forbiddenField(`${path}.items.nullable`, detail))
}

function checkSetItems(items: SchemaNode, path: string, errors: StatusCause[]): void {
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set'
  if (items.type === 'array' && (items.listType ?? 'atomic') !== 'atomic') {
    errors.push(invalidField(`${path}.x-kubernetes-list-type`, items.listType ?? null, detail))
  }
  if (items.type === 'object' && items.mapType !== 'atomic') {
    errors.push(invalidField(`${path}.x-kubernetes-map-type`, items.mapType ?? null, detail))
  }
}

function checkListMap(node: SchemaNode, path: string, errors: StatusCause[]): void {
  if (node.listType !== 'map') return
  const at = `${path}.x-kubernetes-list-map-keys`
  if (node.listMapKeys.length === 0) {
    errors.push(requiredField(at, 'must not be empty if x-kubernetes-list-type is map'))
  }
  const { items } = node
  if (items === undefined) {
    errors.push(requiredField(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'))
    return
  }
  if (items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map"
    errors.push(invalidField(`${path}.items.type`, items.type, detail))
    return
  }
  for (const key of node.listMapKeys)
    checkListMapKey(items, key, { path, at, keys: [...node.listMapKeys] }, errors)
  if (new Set(node.listMapKeys).size < node.listMapKeys.length) {
    errors.push(invalidField(at, [...node.listMapKeys], 'must not contain duplicate entries'))
  }
}

function checkListMapKey(
  items: SchemaNode,
  key: string,
  { path, at, keys }: { path: string; at: string; keys: string[] },
  errors: StatusCause[],
): void {
  const schema = items.properties.get(key)
  const property = `${path}.items.properties[${key}]`
  if (schema === undefined) {
    errors.push(invalidField(at, keys, 'entries must all be names of item properties'))
    return
  }
  if (schema.type === 'array' || schema.type === 'object') {
    const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
    errors.push(invalidField(`${property}.type`, items.type, detail))
  }
  if (!items.required.includes(key) && schema.default === undefined) {
    const detail =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
    errors.push(requiredField(`${property}.default`, detail))
  }
  if (schema.nullable) {
    const detail = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'
    errors.push(forbiddenField(`${property}.nullable`, detail))
  }
}
