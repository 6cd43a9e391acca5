import { expect, test } from 'vitest'
import { compareVersions } from '../../../../apiserver/discovery/api-resource.ts'

test('versions come in the order in which clients prefer them', () => {
  const versions = [
    'v1alpha1',
    'foo10',
    'v1',
    'v11beta2',
    'v10beta3',
    'v2',
    'foo1',
    'v3beta1',
    'v12alpha1',
    'v10',
  ]
  expect(versions.toSorted(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v11beta2',
    'v10beta3',
    'v3beta1',
    'v12alpha1',
    'v1alpha1',
    'foo1',
    'foo10',
  ])
})
