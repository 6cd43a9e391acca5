import { jsonEqual } from '../../../apimachinery/patch/json-equal.ts'
import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import {
  duplicateValue,
  invalidValue,
  requiredField,
  unsupportedValue,
  type FieldError,
} from '../field-errors.ts'
import { at, objectAt, objectsAt, stringsAt, textAt, type KubeObject } from '../kube-object.ts'
import { dnsLabel1035, dnsSubdomain, type NameRule } from '../names.ts'
import { objectSchema } from '../object-schema.ts'
import { approvalAnnotation, approvalOf, isProtectedGroup } from './crd-approval.ts'
import { hasCondition } from './crd-conditions.ts'
import { conversionErrors, hasBadBundle } from './crd-conversion-validation.ts'
import { versionFeatureErrors } from './crd-version-validation.ts'

/** What is wrong with a new CRD, with the paths and words of Kubernetes. */
export function validateCrd(crd: KubeObject): FieldError[] {
  return [
    ...specErrors(crd),
    // While the kind is not served, a bundle may still be filled in by somebody else.
    ...conversionErrors(objectAt(crd, 'spec'), { anyBundle: true }),
    ...storedVersionErrors(crd),
    ...approvalErrors(crd, undefined),
  ]
}

export function validateCrdUpdate(next: KubeObject, current: KubeObject): FieldError[] {
  const established = hasCondition(objectAt(current, 'status'), 'Established')
  const fixed = established
    ? [['scope'], ['names', 'kind'], ['group'], ['names', 'plural']]
    : [['group'], ['names', 'plural']]
  const anyBundle = !established || hasBadBundle(objectAt(current, 'spec'))
  return [
    ...specErrors(next),
    ...conversionErrors(objectAt(next, 'spec'), { anyBundle }),
    ...fixed
      .filter((path) => !jsonEqual(at(next, 'spec', ...path), at(current, 'spec', ...path)))
      .map((path) => invalidValue(`spec.${path.join('.')}`, at(next, 'spec', ...path), 'field is immutable')),
    ...storedVersionErrors(next),
    ...approvalErrors(next, current),
  ]
}

function specErrors(crd: KubeObject): FieldError[] {
  const spec = objectAt(crd, 'spec')
  return [
    ...identityErrors(crd, spec),
    ...versionErrors(spec),
    ...versionFeatureErrors(spec),
    ...nameErrors(objectAt(spec, 'names')),
    ...schemaErrors(spec),
  ]
}

/** A version that objects may be stored in must not go. */
function storedVersionErrors(crd: KubeObject): FieldError[] {
  const field = 'status.storedVersions'
  const stored = stringsAt(crd, 'status', 'storedVersions')
  if (stored.length === 0) return [invalidValue(field, stored, 'must have at least one stored version')]
  const versions = objectsAt(crd, 'spec', 'versions')
  const names = new Set(versions.map((version) => textAt(version, 'name')))
  const storage = textAt(
    versions.find((version) => version['storage'] === true),
    'name',
  )
  return [
    ...(storage === '' || stored.includes(storage)
      ? []
      : [invalidValue(field, stored, `must have the storage version ${storage}`)]),
    ...stored.flatMap((name, index) =>
      names.has(name)
        ? []
        : [
            invalidValue(
              `${field}[${index}]`,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions ` +
                `until a storage migration ensures no data remains persisted in ${name} and removes ${name} from ` +
                'status.storedVersions',
            ),
          ],
    ),
  ]
}

function approvalErrors(next: KubeObject, current: KubeObject | undefined): FieldError[] {
  if (!isProtectedGroup(textAt(next, 'spec', 'group'))) return []
  const { state, reason } = approvalOf(next)
  if (state === 'approved' || state === 'bypassed') return []
  if (current && approvalOf(current).state === state) return []
  const field = `metadata.annotations[${approvalAnnotation}]`
  if (state === 'missing') return [requiredField(field, reason)]
  return [invalidValue(field, next.metadata.annotations?.[approvalAnnotation], reason)]
}

function identityErrors(crd: KubeObject, spec: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  const group = textAt(spec, 'group')
  const expected = `${textAt(spec, 'names', 'plural')}.${group}`
  if (crd.metadata.name !== expected) {
    errors.push(invalidValue('metadata.name', crd.metadata.name, `must be spec.names.plural+"."+spec.group`))
  }
  if (group === '') errors.push(requiredField('spec.group'))
  else if (dnsSubdomain(group).length > 0) errors.push(...check('spec.group', group, dnsSubdomain))
  else if (!group.includes('.')) {
    errors.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'))
  }
  const scope = textAt(spec, 'scope')
  if (scope !== 'Cluster' && scope !== 'Namespaced') {
    errors.push(
      scope === ''
        ? requiredField('spec.scope')
        : unsupportedValue('spec.scope', scope, ['Cluster', 'Namespaced']),
    )
  }
  if (spec['preserveUnknownFields'] === true) {
    errors.push(
      invalidValue(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    )
  }
  return errors
}

function nameErrors(names: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const value = textAt(names, name)
    const mixedCase = name === 'kind' || name === 'listKind'
    if (value === '') errors.push(requiredField(`spec.names.${name}`))
    for (const problem of value === '' ? [] : dnsLabel1035(mixedCase ? value.toLowerCase() : value)) {
      const text = mixedCase ? `may have mixed case, but should otherwise match: ${problem}` : problem
      errors.push(invalidValue(`spec.names.${name}`, value, text))
    }
  }
  for (const list of ['shortNames', 'categories'] as const) {
    stringsAt(names, list).forEach((value, index) => {
      errors.push(...check(`spec.names.${list}[${index}]`, value, dnsLabel1035))
    })
  }
  if (textAt(names, 'kind') !== '' && textAt(names, 'kind') === textAt(names, 'listKind')) {
    errors.push(
      invalidValue('spec.names.listKind', textAt(names, 'listKind'), 'kind and listKind may not be the same'),
    )
  }
  return errors
}

function versionErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = []
  const versions = objectsAt(spec, 'versions')
  if (versions.length === 0) return [requiredField('spec.versions', 'must have at least one version')]
  const seen = new Set<string>()
  versions.forEach((version, index) => {
    const name = textAt(version, 'name')
    const field = `spec.versions[${index}]`
    errors.push(...check(`${field}.name`, name, dnsLabel1035))
    if (seen.has(name)) errors.push(duplicateValue(`${field}.name`, name))
    seen.add(name)
    if (!isJsonObject(at(version, 'schema', 'openAPIV3Schema'))) {
      errors.push(requiredField(`${field}.schema.openAPIV3Schema`, 'schemas are required'))
    }
  })
  if (versions.filter(({ storage }) => storage === true).length !== 1) {
    errors.push(
      invalidValue(
        'spec.versions',
        versions.map(({ name, storage }) => ({ name, storage })),
        'must have exactly one version marked as storage version',
      ),
    )
  }
  return errors
}

function schemaErrors(spec: JsonObject): FieldError[] {
  const schemas = objectsAt(spec, 'versions').map((version) => at(version, 'schema', 'openAPIV3Schema'))
  const [first] = schemas
  // Kubernetes shows a schema that all versions share under its old, version-less path.
  if (isJsonObject(first) && schemas.every((schema) => jsonEqual(schema, first)))
    return objectSchema(first).errors
  return schemas.flatMap((schema, index) =>
    isJsonObject(schema) ? objectSchema(schema, `spec.versions[${index}].schema.openAPIV3Schema`).errors : [],
  )
}

function check(field: string, value: string, rule: NameRule): FieldError[] {
  return rule(value).map((problem) => invalidValue(field, value, problem))
}
