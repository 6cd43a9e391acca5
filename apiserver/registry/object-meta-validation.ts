import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import {
  duplicateValue,
  forbiddenField,
  invalidValue,
  requiredField,
  tooLong,
  wrongType,
  type FieldError,
} from './field-errors.ts'
import type { KubeObject, ObjectMeta } from './kube-object.ts'
import { dnsSubdomain, labelValueRule, qualifiedName, type NameRule } from './names.ts'

const maxAnnotationBytes = 256 * 1024

type Shape = 'string' | 'integer' | 'strings' | 'text map' | 'objects'

const shapes: Readonly<Record<string, Shape>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  uid: 'string',
  resourceVersion: 'string',
  selfLink: 'string',
  generation: 'integer',
  creationTimestamp: 'string',
  deletionTimestamp: 'string',
  deletionGracePeriodSeconds: 'integer',
  labels: 'text map',
  annotations: 'text map',
  finalizers: 'strings',
  ownerReferences: 'objects',
  managedFields: 'objects',
}

const ownerShapes: Readonly<Record<string, 'string' | 'boolean'>> = {
  apiVersion: 'string',
  kind: 'string',
  name: 'string',
  uid: 'string',
  controller: 'boolean',
  blockOwnerDeletion: 'boolean',
}

export interface CheckedMeta {
  readonly meta: ObjectMeta
  /** Fields that ObjectMeta does not have, as `metadata.x`; they are left out of `meta`. */
  readonly unknown: readonly string[]
  readonly errors: readonly FieldError[]
}

/** Turns `metadata` as a client sent it into an ObjectMeta: nulls and unknown fields dropped, types checked. */
export function decodeMeta(value: Json | undefined): CheckedMeta {
  if (value === undefined || value === null) return { meta: {}, unknown: [], errors: [] }
  if (!isJsonObject(value)) {
    return { meta: {}, unknown: [], errors: [wrongType('metadata', value, 'an object')] }
  }
  const meta: ObjectMeta = {}
  const unknown: string[] = []
  const errors: FieldError[] = []
  for (const [name, field] of Object.entries(value)) {
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
    if (shape === undefined) unknown.push(`metadata.${name}`)
    else if (field === null || field === undefined) continue
    else if (!hasShape(field, shape)) errors.push(wrongType(`metadata.${name}`, field, shapeText[shape]))
    else if (name !== 'selfLink') meta[name] = shape === 'text map' ? withoutNulls(field) : field
  }
  errors.push(...ownerTypeErrors(meta))
  return { meta, unknown, errors }
}

/** A label or annotation that is null is empty text. */
function withoutNulls(value: Json): Json {
  if (!isJsonObject(value) || !Object.values(value).includes(null)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, item ?? '']))
}

const shapeText: Record<Shape, string> = {
  string: 'a string',
  integer: 'an integer',
  strings: 'a list of strings',
  'text map': 'a map of strings to strings',
  objects: 'a list of objects',
}

function hasShape(value: Json, shape: Shape): boolean {
  switch (shape) {
    case 'string':
      return typeof value === 'string'
    case 'integer':
      return Number.isSafeInteger(value)
    case 'strings':
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
    case 'text map':
      return (
        isJsonObject(value) && Object.values(value).every((item) => typeof item === 'string' || item === null)
      )
    case 'objects':
      return Array.isArray(value) && value.every(isJsonObject)
  }
}

function ownerTypeErrors(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  meta.ownerReferences?.forEach((owner: JsonObject, index) => {
    for (const [name, expected] of Object.entries(ownerShapes)) {
      const value = owner[name]
      if (value === undefined || value === null || typeof value === expected) continue
      errors.push(wrongType(`metadata.ownerReferences[${index}].${name}`, value, `a ${expected}`))
    }
  })
  return errors
}

export interface MetaRules {
  readonly namespaced: boolean
  readonly nameRule: NameRule
}

/** Checks metadata that is complete: name and namespace are in place. */
export function validateMeta({ metadata }: KubeObject, { namespaced, nameRule }: MetaRules): FieldError[] {
  const { name = '', namespace = '' } = metadata
  const errors: FieldError[] = []
  if (name === '') errors.push(requiredField('metadata.name', 'name or generateName is required'))
  else errors.push(...nameRule(name).map((problem) => invalidValue('metadata.name', name, problem)))
  if (namespaced && namespace === '') errors.push(requiredField('metadata.namespace'))
  if (!namespaced && namespace !== '') {
    errors.push(forbiddenField('metadata.namespace', 'not allowed on this type'))
  }
  return [
    ...errors,
    ...labelErrors(metadata),
    ...annotationErrors(metadata),
    ...ownerErrors(metadata),
    ...finalizerErrors(metadata),
  ]
}

export function labelErrors({ labels = {} }: ObjectMeta): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedName(key).map((problem) => invalidValue('metadata.labels', key, problem)),
    ...labelValueRule(value).map((problem) => invalidValue('metadata.labels', value, problem)),
  ])
}

export function annotationErrors({ annotations = {} }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  let bytes = 0
  for (const [key, value] of Object.entries(annotations)) {
    const problems = qualifiedName(key.toLowerCase())
    errors.push(...problems.map((problem) => invalidValue('metadata.annotations', key, problem)))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (bytes > maxAnnotationBytes) errors.push(tooLong('metadata.annotations', maxAnnotationBytes))
  return errors
}

function ownerErrors({ ownerReferences = [] }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  const controllers: string[] = []
  ownerReferences.forEach((owner, index) => {
    const field = `metadata.ownerReferences[${index}]`
    if (!owner.apiVersion) errors.push(requiredOwner(`${field}.apiVersion`, owner.apiVersion, 'version'))
    for (const name of ['kind', 'name', 'uid'] as const) {
      if (!owner[name]) errors.push(requiredOwner(`${field}.${name}`, owner[name], name))
    }
    if (owner.controller === true) controllers.push(owner.name)
  })
  if (controllers.length > 1) {
    const [first, second] = controllers
    errors.push(
      invalidValue(
        'metadata.ownerReferences',
        ownerReferences,
        `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`,
      ),
    )
  }
  return errors
}

function requiredOwner(field: string, value: string | undefined, name: string): FieldError {
  return invalidValue(field, value ?? '', `${name} must not be empty`)
}

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes'])

function finalizerErrors({ finalizers = [] }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = []
  for (const name of finalizers) {
    errors.push(...qualifiedName(name).map((problem) => invalidValue('metadata.finalizers', name, problem)))
    if (!name.includes('/') && !standardFinalizers.has(name) && dnsSubdomain(name).length > 0) {
      errors.push(
        invalidValue(
          'metadata.finalizers',
          name,
          'name is neither a standard finalizer name nor is it fully qualified',
        ),
      )
    }
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(
      invalidValue(
        'metadata.finalizers',
        finalizers,
        'finalizer orphan and foregroundDeletion cannot be both set',
      ),
    )
  }
  return errors
}

/** What may never change once an object exists. `current` is the stored object. */
export function validateMetaUpdate(next: KubeObject, current: KubeObject): FieldError[] {
  const errors: FieldError[] = []
  for (const name of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    if (next.metadata[name] !== current.metadata[name]) {
      errors.push(invalidValue(`metadata.${name}`, next.metadata[name], 'field is immutable'))
    }
  }
  if (next.metadata.deletionTimestamp !== undefined) errors.push(...newFinalizers(next, current))
  for (const [index, owner] of (next.metadata.managedFields ?? []).entries()) {
    const { operation } = owner
    if (operation !== 'Apply' && operation !== 'Update') {
      errors.push(
        invalidValue(`metadata.managedFields[${index}].operation`, operation, 'must be `Apply` or `Update`'),
      )
    }
  }
  return errors
}

function newFinalizers(next: KubeObject, current: KubeObject): FieldError[] {
  const before = new Set(current.metadata.finalizers)
  const added = (next.metadata.finalizers ?? []).filter((name) => !before.has(name))
  if (added.length === 0 || current.metadata.deletionTimestamp === undefined) return []
  const list = added.map((name) => JSON.stringify(name)).join(', ')
  return [
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  ]
}

/** Also finds duplicates in a list that has to be a set, by `key`. */
export function duplicates(field: string, values: readonly string[]): FieldError[] {
  const seen = new Set<string>()
  return values.flatMap((value, index) => {
    if (seen.has(value)) return [duplicateValue(`${field}[${index}]`, value)]
    seen.add(value)
    return []
  })
}
