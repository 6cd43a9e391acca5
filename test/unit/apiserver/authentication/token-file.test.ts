import { expect, test } from 'vitest'
import { bearerToken } from '../../../../apiserver/authentication/bearer-token.ts'
import { parseTokenFile } from '../../../../apiserver/authentication/token-file.ts'

test('lines are token, name, uid and groups', () => {
  const users = parseTokenFile('t1,alice,1,"a,b"\n\n# a comment\nt2,bob,2\nt3,"with, comma",3,one\r\n')
  expect([...users.values()]).toEqual([
    { name: 'alice', uid: '1', groups: ['a', 'b'] },
    { name: 'bob', uid: '2', groups: [] },
    { name: 'with, comma', uid: '3', groups: ['one'] },
  ])
})

test('tokens are not kept as they are', () => {
  expect([...parseTokenFile('secret,alice,1').keys()].join()).not.toContain('secret')
})

test.each([
  [',alice,1', 'token file, line 1: the token is empty'],
  ['t1,alice,1\nt2', 'token file, line 2: a line needs token, user name and uid'],
])('%j is refused', (text, message) => {
  expect(() => parseTokenFile(text)).toThrow(message)
})

test.each([
  ['Bearer abc', 'abc'],
  ['bearer  abc', 'abc'],
  ['Basic abc', undefined],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  [undefined, undefined],
])('of %j the token is %j', (header, token) => {
  expect(bearerToken(header)).toBe(token)
})
