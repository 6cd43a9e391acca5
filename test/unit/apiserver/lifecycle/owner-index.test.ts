import { expect, test } from 'vitest'
import { OwnerIndex } from '../../../../apiserver/lifecycle/owner-index.ts'

const owner = (uid: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid })

test('finds dependents by the uid of any of their owners', () => {
  const index = new OwnerIndex()
  expect(index.set('/a/1', [owner('x'), owner('y')])).toBe(true)
  expect(index.set('/a/2', [owner('x')])).toBe(true)
  expect([index.dependents('x'), index.dependents('y'), index.dependents('z')]).toEqual([
    ['/a/1', '/a/2'],
    ['/a/1'],
    [],
  ])
})

test('says whether owners changed, and forgets those that were left', () => {
  const index = new OwnerIndex()
  index.set('/a/1', [owner('x')])
  expect(index.set('/a/1', [owner('x')])).toBe(false)
  expect(index.set('/a/1', [owner('y')])).toBe(true)
  expect([index.dependents('x'), index.dependents('y')]).toEqual([[], ['/a/1']])
  expect(index.set('/a/1', undefined)).toBe(true)
  expect(index.set('/a/1', undefined)).toBe(false)
})

test('drops a whole kind', () => {
  const index = new OwnerIndex()
  index.set('/a/1', [owner('x')])
  index.set('/b/1', [owner('x')])
  index.drop('/a/')
  expect(index.dependents('x')).toEqual(['/b/1'])
})
