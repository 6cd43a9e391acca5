import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { completeImpersonated, impersonatedUser } from '../../../../apiserver/authentication/impersonation.ts'

const requestWith = (...rawHeaders: string[]) => ({ rawHeaders }) as unknown as IncomingMessage
const targetOf = (...rawHeaders: string[]) => {
  const asked = impersonatedUser(requestWith(...rawHeaders))
  return asked && completeImpersonated(asked)
}

test('nobody is asked for without the headers', () => {
  expect(impersonatedUser(requestWith('Accept', '*/*'))).toBeUndefined()
})

test('user, groups, uid and extra', () => {
  const headers = [
    ['Impersonate-User', 'eve'],
    ['Impersonate-Group', 'cn=a,dc=b'],
    ['impersonate-group', 'c'],
    ['Impersonate-Uid', '7'],
    ['Impersonate-Extra-Scopes', 'x'],
    ['Impersonate-Extra-Example.org%2Fkey', 'y'],
    ['Impersonate-Extra-Scopes', 'z'],
    ['Impersonate-Extra-%zz', 'odd'],
  ].flat()
  expect(targetOf(...headers)).toEqual({
    name: 'eve',
    groups: ['cn=a,dc=b', 'c', 'system:authenticated'],
    uid: '7',
    extra: { scopes: ['x', 'z'], 'example.org/key': ['y'], '%zz': ['odd'] },
  })
})

test.each([
  ['eve', [], ['system:authenticated']],
  ['system:anonymous', [], ['system:unauthenticated']],
  ['eve', ['system:unauthenticated'], ['system:unauthenticated']],
  [
    'system:serviceaccount:ns:robot',
    [],
    ['system:serviceaccounts', 'system:serviceaccounts:ns', 'system:authenticated'],
  ],
  ['system:serviceaccount:ns:robot', ['a'], ['a', 'system:authenticated']],
])('%s with groups %j is in %j', (name, groups, expected) => {
  const headers = groups.flatMap((group) => ['Impersonate-Group', group])
  expect(targetOf('Impersonate-User', name, ...headers)?.groups).toEqual(expected)
})

test('groups alone make nobody', () => {
  expect(() => impersonatedUser(requestWith('Impersonate-Group', 'a'))).toThrow(
    'without impersonating a user',
  )
})
