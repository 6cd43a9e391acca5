import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../crds/meta/json.ts'
import { duplicateField, invalidField, requiredField, tooManyField } from '../../schema/field-error.ts'
import type { FieldError } from '../field-errors.ts'
import { at, objectAt, objectsAt, textAt } from '../kube-object.ts'

/**
 * What is wrong with warnings, subresources, columns and selectable fields of the versions. What all versions have in
 * common is shown under the version-less path that it had before there were versions, as Kubernetes does.
 */
export function versionFeatureErrors(spec: JsonObject): FieldError[] {
  const versions = objectsAt(spec, 'versions')
  return [
    ...versions.flatMap((version, index) => deprecationErrors(version, `spec.versions[${index}]`)),
    ...eachOrShared(versions, 'subresources', subresourceErrors),
    ...eachOrShared(versions, 'additionalPrinterColumns', (columns, path) =>
      objectsIn(columns).flatMap((column, index) => columnErrors(column, `${path}[${index}]`)),
    ),
    ...eachOrShared(versions, 'selectableFields', selectableErrors),
  ]
}

type Check = (value: Json, path: string, version: JsonObject) => FieldError[]

function eachOrShared(versions: readonly JsonObject[], field: string, check: Check): FieldError[] {
  const [first] = versions
  const value = first?.[field]
  if (first && value !== undefined && versions.every((version) => jsonEqual(version[field], value))) {
    return check(value, `spec.${field}`, first)
  }
  return versions.flatMap((version, index) => {
    const own = version[field]
    return own === undefined ? [] : check(own, `spec.versions[${index}].${field}`, version)
  })
}

function objectsIn(value: Json): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function deprecationErrors(version: JsonObject, path: string): FieldError[] {
  const warning = version['deprecationWarning']
  if (typeof warning !== 'string') return []
  const invalid = (why: string) => invalidField(`${path}.deprecationWarning`, warning, why)
  if (version['deprecated'] !== true) return [invalid('can only be set for deprecated versions')]
  const errors: FieldError[] = []
  if (Buffer.byteLength(warning) > 256) errors.push(invalid('must be <= 256 characters long'))
  if (warning === '') errors.push(invalid('must not be an empty string'))
  const unprintable = /(?! )[\p{C}\p{Z}]/u.exec(warning)
  if (unprintable) {
    const index = Buffer.byteLength(warning.slice(0, unprintable.index))
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`
    errors.push(invalid(why))
  }
  return errors
}

function subresourceErrors(subresources: Json, path: string): FieldError[] {
  const scale = at(subresources, 'scale')
  if (!isJsonObject(scale)) return []
  const labels = textAt(scale, 'labelSelectorPath')
  const labelField = `${path}.scale.labelSelectorPath`
  return [
    ...countPathErrors(textAt(scale, 'specReplicasPath'), `${path}.scale.specReplicasPath`, '.spec'),
    ...countPathErrors(textAt(scale, 'statusReplicasPath'), `${path}.scale.statusReplicasPath`, '.status'),
    ...(labels === '' ? [] : simplePathErrors(labels, labelField)),
    ...(labels.startsWith('.') && !labels.startsWith('.spec.') && !labels.startsWith('.status.')
      ? [invalidField(labelField, labels, 'should be a json path under either .spec or .status')]
      : []),
  ]
}

function countPathErrors(value: string, field: string, parent: string): FieldError[] {
  if (value === '') return [requiredField(field)]
  const errors = simplePathErrors(value, field)
  if (errors.length > 0 || value.startsWith(`${parent}.`)) return errors
  return [invalidField(field, value, `should be a json path under ${parent}`)]
}

function simplePathErrors(value: string, field: string): FieldError[] {
  return value.startsWith('.')
    ? []
    : [invalidField(field, value, 'must be a simple json path starting with .')]
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string']
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']

function columnErrors(column: JsonObject, path: string): FieldError[] {
  const type = textAt(column, 'type')
  const format = textAt(column, 'format')
  const jsonPath = textAt(column, 'jsonPath')
  const oneType = `must be one of ${columnTypes.join(',')}`
  const errors: FieldError[] = []
  if (textAt(column, 'name') === '') errors.push(requiredField(`${path}.name`))
  if (type === '') errors.push(requiredField(`${path}.type`, oneType))
  else if (!columnTypes.includes(type)) errors.push(invalidField(`${path}.type`, type, oneType))
  if (format !== '' && !columnFormats.includes(format)) {
    errors.push(invalidField(`${path}.format`, format, `must be one of ${columnFormats.join(',')}`))
  }
  if (jsonPath === '') errors.push(requiredField(`${path}.JSONPath`))
  else errors.push(...simplePathErrors(jsonPath, `${path}.JSONPath`))
  return errors
}

const maxSelectableFields = 8

function selectableErrors(fields: Json, path: string, version: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [index, one] of objectsIn(fields).entries()) {
    const field = `${path}[${index}].jsonPath`
    const jsonPath = textAt(one, 'jsonPath')
    if (jsonPath === '') {
      errors.push(requiredField(field))
      continue
    }
    const problem = selectableProblem(jsonPath, objectAt(version, 'schema', 'openAPIV3Schema'))
    if (problem !== undefined) errors.push(invalidField(field, jsonPath, problem))
    else if (seen.has(jsonPath)) errors.push(duplicateField(field, jsonPath))
    seen.add(jsonPath)
  }
  if (seen.size > maxSelectableFields) errors.push(tooManyField(path, seen.size, maxSelectableFields))
  return errors
}

/** Why a path cannot be selected by, or undefined. */
function selectableProblem(jsonPath: string, root: JsonObject): string | undefined {
  if (!/^(\.[A-Za-z_][\w-]*)+$/.test(jsonPath)) {
    return 'is an invalid path: must be a simple json path of field names, such as .spec.color'
  }
  const steps = jsonPath.slice(1).split('.')
  if (steps[0] === 'metadata') return 'must not point to fields in metadata'
  let schema = root
  for (const step of steps) {
    const next = at(schema, 'properties', step)
    if (!isJsonObject(next)) return `is an invalid path: does not refer to a valid field`
    schema = next
  }
  const type = textAt(schema, 'type')
  if (['string', 'boolean', 'integer'].includes(type)) return undefined
  return 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
}
