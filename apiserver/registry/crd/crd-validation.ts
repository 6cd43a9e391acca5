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
import { hasCondition } from './crd-conditions.ts'

/** What is wrong with a CRD, with the paths and words of Kubernetes. */
export function validateCrd(crd: KubeObject): FieldError[] {
  const spec = objectAt(crd, 'spec')
  return [
    ...identityErrors(crd, spec),
    ...nameErrors(objectAt(spec, 'names')),
    ...versionErrors(spec),
    ...schemaErrors(spec),
  ]
}

export function validateCrdUpdate(next: KubeObject, current: KubeObject): FieldError[] {
  const errors = validateCrd(next)
  const established = hasCondition(objectAt(current, 'status'), 'Established')
  const fixed = established ? [['group'], ['scope'], ['names', 'kind'], ['names', 'plural']] : [['group']]
  for (const path of fixed) {
    if (jsonEqual(at(next, 'spec', ...path), at(current, 'spec', ...path))) continue
    errors.push(invalidValue(`spec.${path.join('.')}`, at(next, 'spec', ...path), 'field is immutable'))
  }
  const versions = new Set(objectsAt(next, 'spec', 'versions').map((version) => textAt(version, 'name')))
  stringsAt(next, 'status', 'storedVersions').forEach((stored, index) => {
    if (!versions.has(stored)) {
      errors.push(
        invalidValue(
          `status.storedVersions[${index}]`,
          stored,
          'must remain in spec.versions until it is no longer stored',
        ),
      )
    }
  })
  return errors
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
    if (value === '') errors.push(requiredField(`spec.names.${name}`))
    else errors.push(...check(`spec.names.${name}`, value.toLowerCase(), dnsLabel1035))
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
