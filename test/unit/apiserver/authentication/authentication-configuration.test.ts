import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseAuthenticationConfiguration } from '../../../../apiserver/authentication/authentication-configuration.ts'
import { userOfClaims } from '../../../../apiserver/authentication/oidc/claim-values.ts'
import type { JwtSettings } from '../../../../apiserver/authentication/oidc/jwt-settings.ts'

const provider = {
  issuer: { url: 'https://login.example.org', audiences: ['a'] },
  claimMappings: { username: { claim: 'sub', prefix: '' } },
}
const fileOf = (jwt: readonly object[], more: object = {}) =>
  stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt, ...more })

function onlyProvider(source: string): JwtSettings {
  const [settings] = parseAuthenticationConfiguration(source).jwt
  if (!settings) throw new Error('there is no provider')
  return settings
}

test('the example of the documentation says what it seems to say', () => {
  const page = readFileSync('docs/authentication.md', 'utf8')
  const [, example = ''] = /```yaml\n(apiVersion: apiserver[^]*?)```/.exec(page) ?? []
  expect(parseAuthenticationConfiguration(example).anonymous).toEqual({ enabled: true, paths: ['/version'] })
  const userOf = userOfClaims(onlyProvider(example))
  const claims = { sub: 'eve', groups: ['a'], tenant: 't', iat: 0, exp: 60 }
  expect(userOf(claims)).toEqual({
    name: 'login:eve',
    groups: ['login:a'],
    extra: { 'example.org/tenant': ['t'] },
  })
  expect(() => userOf({ ...claims, exp: 86_401 })).toThrow('the token lives too long')
  expect(() => userOf({ ...claims, sub: 'system:admin' })).toThrow('reserved')
})

test.each([
  ['nothing', '', 'the file'],
  ['another kind', 'apiVersion: apiserver.config.k8s.io/v1\nkind: Other', 'kind'],
  [
    'http',
    fileOf([{ ...provider, issuer: { ...provider.issuer, url: 'http://x' } }]),
    'jwt[0].issuer.url: must be',
  ],
  ['an issuer twice', fileOf([provider, provider]), 'jwt: names an issuer twice'],
  [
    'no audience',
    fileOf([{ ...provider, issuer: { ...provider.issuer, audiences: [] } }]),
    'jwt[0].issuer.audiences',
  ],
  [
    'several audiences without a policy',
    fileOf([{ ...provider, issuer: { ...provider.issuer, audiences: ['a', 'b'] } }]),
    'jwt[0].issuer.audienceMatchPolicy: must be MatchAny',
  ],
  [
    'claim and expression',
    fileOf([
      { ...provider, claimMappings: { username: { claim: 'sub', prefix: '', expression: 'claims.sub' } } },
    ]),
    'jwt[0].claimMappings.username: set either claim or expression',
  ],
  [
    'a bad key',
    fileOf([
      {
        ...provider,
        claimMappings: { ...provider.claimMappings, extra: [{ key: 'X', valueExpression: "''" }] },
      },
    ]),
    'jwt[0].claimMappings.extra[0].key',
  ],
])('%s is refused by field', (_what, source, message) => {
  expect(() => parseAuthenticationConfiguration(source)).toThrow(message)
})

test.each([
  [{ sub: 'eve' }, 'eve'],
  [{ sub: '' }, 'the user name is empty'],
  [{ sub: 7 }, 'no string'],
  [{}, 'no string'],
])('of %j the user is %j', (claims, expected) => {
  const userOf = userOfClaims(onlyProvider(fileOf([provider])))
  const outcome = () => {
    try {
      return userOf(claims).name
    } catch (error) {
      return (error as Error).message
    }
  }
  expect(outcome()).toContain(expected)
})

test('what an expression cannot work with refuses the token, and nothing else', () => {
  const claimMappings = { username: { expression: 'claims.sub' }, groups: { expression: 'claims.roles' } }
  const userOf = userOfClaims(onlyProvider(fileOf([{ ...provider, claimMappings }])))
  expect(userOf({ sub: 'eve', roles: ['a', ''] }).groups).toEqual(['a'])
  expect(() => userOf({ sub: 'eve' })).toThrow('no such key: roles')
  expect(() => userOf({ sub: 'eve', roles: [1] })).toThrow('neither a string nor a list of strings')
  expect(() => userOf({ sub: 1, roles: [] })).toThrow('does not come to a string')
})
