import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { systemClock, type Clock } from '../../../apimachinery/clock.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import { OidcProvider } from './oidc-provider.ts'

const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews'

/** The system's time, moved on by tests. */
const ahead = { ms: 0 }
const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() + ahead.ms,
  monotonic: () => systemClock.monotonic() + ahead.ms,
}

let provider: OidcProvider
let directory: string
const open: { server: TestApiServer; client: ApiClient }[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-oidc-'))
  provider = await OidcProvider.start()
  writeFileSync(join(directory, 'ca.pem'), provider.authority)
  await provider.open()
})

afterEach(async () => {
  ahead.ms = 0
  for (const { server, client } of open.splice(0)) {
    client.close()
    await server.close()
  }
})

afterAll(async () => {
  await provider.close()
  await rm(directory, { recursive: true, force: true })
})

async function serve(flags: Record<string, string>): Promise<ApiClient> {
  const server = await startTestApiServer({ clock, flags })
  const client = new ApiClient(server)
  open.push({ server, client })
  return client
}

const byFlags = (more: Record<string, string> = {}) =>
  serve({
    'oidc-issuer-url': provider.issuer,
    'oidc-client-id': provider.clientId,
    'oidc-ca-file': join(directory, 'ca.pem'),
    ...more,
  })

function fileOf(jwt: object): string {
  const path = join(directory, 'authentication.yaml')
  const issuer = {
    url: provider.issuer,
    certificateAuthority: provider.authority,
    audiences: [provider.clientId],
  }
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [{ issuer, ...jwt }],
  }
  writeFileSync(path, stringify(configuration))
  return path
}

const byFile = (jwt: object) => serve({ 'authentication-config': fileOf(jwt) })

async function userOf(client: ApiClient, token: string) {
  const { code, body } = await client.post(whoami, {}, { as: { token } })
  return code === 201 ? (body.status.userInfo as object) : code
}

describe('by flags', () => {
  test('somebody is who the provider says', async () => {
    const client = await byFlags({ 'oidc-groups-claim': 'groups', 'oidc-groups-prefix': 'idp:' })
    const token = await provider.login('alice', { groups: ['admins', 'staff'] })
    expect(await userOf(client, token)).toEqual({
      username: `${provider.issuer}#alice`,
      groups: ['idp:admins', 'idp:staff', 'system:authenticated'],
    })
  })

  test('an address is a name when it has been verified', async () => {
    const client = await byFlags({ 'oidc-username-claim': 'email' })
    const mail = { email: 'bob@example.org' }
    expect(
      await userOf(client, await provider.login('bob', { ...mail, email_verified: true })),
    ).toMatchObject({
      username: 'bob@example.org',
    })
    expect(await userOf(client, await provider.login('bob', { ...mail, email_verified: false }))).toBe(401)
    expect(await userOf(client, await provider.login('bob', {}))).toBe(401)
  })

  test('prefixes, required claims and a single group', async () => {
    const client = await byFlags({
      'oidc-username-prefix': '-',
      'oidc-groups-claim': 'team',
      'oidc-required-claim': 'hd=example.org',
    })
    const claims = { team: 'blue', hd: 'example.org' }
    expect(await userOf(client, await provider.login('carol', claims))).toEqual({
      username: 'carol',
      groups: ['blue', 'system:authenticated'],
    })
    expect(await userOf(client, await provider.login('carol', { ...claims, hd: 'example.com' }))).toBe(401)
    expect(await userOf(client, await provider.login('carol', { ...claims, team: { odd: true } }))).toBe(401)
  })

  test('tokens for other clients, of other algorithms, expired and changed ones are refused', async () => {
    const token = await provider.login('dave')
    const others = await byFlags({ 'oidc-client-id': 'another' })
    expect(await userOf(others, token)).toBe(401)
    const strict = await byFlags({ 'oidc-signing-algs': 'ES256' })
    expect(await userOf(strict, token)).toBe(401)
    const client = await byFlags()
    const [head = '', , signature = ''] = token.split('.')
    const claims = Buffer.from(JSON.stringify({ ...decodeJwt(token), sub: 'root' })).toString('base64url')
    expect(await userOf(client, `${head}.${claims}.${signature}`)).toBe(401)
    expect(await userOf(client, token)).toMatchObject({ username: `${provider.issuer}#dave` })
    const { exp = 0 } = decodeJwt(token)
    ahead.ms = exp * 1000 - systemClock.now() + 1000
    expect(await userOf(client, token)).toBe(401)
  })

  test('a token is not looked at each time', async () => {
    const client = await byFlags()
    const token = await provider.login('erin')
    await userOf(client, token)
    const before = provider.keyRequests
    for (let index = 0; index < 10; index++) expect(await userOf(client, token)).toBeTypeOf('object')
    expect(provider.keyRequests).toBe(before)
  })

  test('a provider that is down at the start is asked again', async () => {
    const token = await provider.login('frank')
    provider.shut()
    const client = await byFlags()
    expect(await userOf(client, token)).toBe(401)
    await provider.open()
    const fresh = await provider.login('frank')
    ahead.ms += 6000
    expect(await userOf(client, fresh)).toBeTypeOf('object')
    expect((await client.get('/api/v1/namespaces')).code).toBe(200)
  })

  test('new keys are fetched when they are met, and old ones are good while the provider is down', async () => {
    const client = await byFlags()
    const first = await provider.login('grace')
    expect(await userOf(client, first)).toBeTypeOf('object')
    await provider.open()
    const second = await provider.login('grace')
    ahead.ms += 6000
    expect(await userOf(client, second)).toBeTypeOf('object')
    // The provider has withdrawn the first key.
    ahead.ms += 11_000
    expect(await userOf(client, first)).toBe(401)
    provider.shut()
    ahead.ms += 11 * 60_000
    expect(await userOf(client, second)).toBeTypeOf('object')
    await provider.open()
  })

  test('a TokenReview tells of such tokens, for this API alone', async () => {
    const client = await byFlags()
    const token = await provider.login('heidi')
    const review = async (audiences?: string[]) => {
      const { body } = await client.post('/apis/authentication.k8s.io/v1/tokenreviews', {
        spec: { token, audiences },
      })
      return body.status as object
    }
    expect(await review()).toMatchObject({
      authenticated: true,
      user: { username: `${provider.issuer}#heidi` },
    })
    expect(await review(['vault'])).toEqual({ user: {}, error: 'invalid bearer token' })
  })
})

describe('by file', () => {
  test('expressions make the user', async () => {
    const client = await byFile({
      claimMappings: {
        username: { expression: "'idp:' + claims.sub" },
        groups: { expression: "claims.team.split(',').map(name, 'team-' + name)" },
        uid: { expression: "'u-' + claims.sub" },
        extra: [
          { key: 'example.org/domain', valueExpression: "has(claims.hd) ? claims.hd : ''" },
          { key: 'example.org/none', valueExpression: '[]' },
        ],
      },
      claimValidationRules: [
        { claim: 'hd', requiredValue: 'example.org' },
        { expression: 'claims.exp - claims.iat <= 86400', message: 'lives too long' },
      ],
      userValidationRules: [{ expression: "!user.username.startsWith('idp:system')", message: 'reserved' }],
    })
    const claims = { team: 'red,blue', hd: 'example.org' }
    expect(await userOf(client, await provider.login('ivan', claims))).toEqual({
      username: 'idp:ivan',
      uid: 'u-ivan',
      groups: ['team-red', 'team-blue', 'system:authenticated'],
      extra: { 'example.org/domain': ['example.org'] },
    })
    expect(await userOf(client, await provider.login('ivan', { hd: 'example.org' }))).toBe(401)
    expect(await userOf(client, await provider.login('ivan', { ...claims, hd: 'other' }))).toBe(401)
    expect(await userOf(client, await provider.login('system', claims))).toBe(401)
  })

  test('a token is called by its id in audits', async () => {
    const client = await byFile({ claimMappings: { username: { claim: 'sub', prefix: '' } } })
    expect(await userOf(client, await provider.login('judy', { jti: 'token-1' }))).toMatchObject({
      username: 'judy',
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=token-1'] },
    })
  })

  test.each([
    [{ claimMappings: { username: { claim: 'sub' } } }, 'jwt[0].claimMappings.username: set prefix'],
    [
      { claimMappings: { username: { expression: 'claims.sub +' } } },
      'claimMappings.username.expression: compilation',
    ],
    [
      { claimMappings: { username: { expression: '1' } } },
      'claimMappings.username.expression: must evaluate to string',
    ],
    [
      { claimMappings: { username: { expression: 'claims.email' } } },
      'jwt[0].claimMappings.username.expression: claims.email_verified must be looked at',
    ],
    [{ claimMapping: {} }, 'jwt[0]'],
  ])('%j is refused at the start', async (jwt, message) => {
    await expect(byFile(jwt)).rejects.toThrow(message)
  })

  test('the file and the flags exclude each other', async () => {
    const file = fileOf({ claimMappings: { username: { claim: 'sub', prefix: '' } } })
    await expect(byFlags({ 'authentication-config': file })).rejects.toThrow('mutually exclusive')
  })
})
