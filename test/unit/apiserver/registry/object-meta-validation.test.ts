import { describe, expect, test } from 'vitest'
import { decodeMeta, validateMeta } from '../../../../apiserver/registry/object-meta-validation.ts'
import type { ObjectMeta } from '../../../../apiserver/registry/kube-object.ts'
import { dnsSubdomain } from '../../../../apiserver/registry/names.ts'

describe('decodeMeta', () => {
  test('drops nulls and what ObjectMeta does not have', () => {
    const { meta, unknown, errors } = decodeMeta({
      name: 'a',
      creationTimestamp: null,
      color: 'red',
      selfLink: '/x',
    })
    expect({ meta, unknown, errors }).toEqual({
      meta: { name: 'a' },
      unknown: ['metadata.color'],
      errors: [],
    })
  })

  test.each([
    [{ name: 1 }, 'metadata.name', 'a string'],
    [{ labels: { a: 1 } }, 'metadata.labels', 'a map of strings to strings'],
    [{ finalizers: [1] }, 'metadata.finalizers', 'a list of strings'],
    [{ ownerReferences: ['x'] }, 'metadata.ownerReferences', 'a list of objects'],
    [{ ownerReferences: [{ uid: 7 }] }, 'metadata.ownerReferences[0].uid', 'a string'],
    [{ generation: 1.5 }, 'metadata.generation', 'an integer'],
  ])('%j is of the wrong type', (value, field, expected) => {
    const { errors } = decodeMeta(value)
    expect(errors).toEqual([
      { reason: 'FieldValueTypeInvalid', field, message: expect.stringContaining(`must be ${expected}`) },
    ])
  })
})

describe('validateMeta', () => {
  const check = (metadata: ObjectMeta, namespaced = true) =>
    validateMeta({ apiVersion: 'v1', kind: 'X', metadata }, { namespaced, nameRule: dnsSubdomain }).map(
      ({ field, message }) => `${field}: ${message}`,
    )

  test('accepts what is in order', () => {
    const owner = { apiVersion: 'v1', kind: 'A', name: 'a', uid: '1', controller: true }
    expect(
      check({
        name: 'a',
        namespace: 'b',
        labels: { 'x.io/a': 'b' },
        finalizers: ['x.io/y'],
        ownerReferences: [owner],
      }),
    ).toEqual([])
  })

  test('knows where a namespace belongs', () => {
    expect(check({ name: 'a' })).toEqual(['metadata.namespace: Required value'])
    expect(check({ name: 'a', namespace: 'b' }, false)).toEqual([
      'metadata.namespace: Forbidden: not allowed on this type',
    ])
  })

  test('allows one controller', () => {
    const owner = { apiVersion: 'v1', kind: 'A', name: 'a', uid: '1', controller: true }
    expect(
      check({ name: 'a', namespace: 'b', ownerReferences: [owner, { ...owner, name: 'b', uid: '2' }] }),
    ).toEqual([
      expect.stringContaining(
        'Only one reference can have Controller set to true. Found "true" in references for a and b',
      ),
    ])
  })

  test('does not let a deletion both orphan and wait', () => {
    expect(check({ name: 'a', namespace: 'b', finalizers: ['orphan', 'foregroundDeletion'] })).toEqual([
      expect.stringContaining('finalizer orphan and foregroundDeletion cannot be both set'),
    ])
  })
})
