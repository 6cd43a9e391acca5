import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLocalJWKSet, decodeJwt, jwtVerify, SignJWT, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../../apimachinery/clock.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import { Kubectl } from './kubectl.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const accounts = '/api/v1/namespaces/default/serviceaccounts'
const secrets = '/api/v1/namespaces/default/secrets'
const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews'

/** The system's time, moved on by tests. */
const ahead = { ms: 0 }
const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead.ms }

let server: TestApiServer
let api: ApiClient
let kubectl: Kubectl

beforeAll(async () => {
  server = await startTestApiServer({ clock })
  api = new ApiClient(server)
  kubectl = new Kubectl(server)
})

afterAll(async () => {
  kubectl.close()
  api.close()
  await server.close()
})

async function anAccount(name: string): Promise<string> {
  const { body, code } = await api.post(accounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name },
  })
  expect(code).toBe(201)
  return body.metadata.uid as string
}

async function aSecret(name: string): Promise<string> {
  const { body } = await api.post(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name } })
  return body.metadata.uid as string
}

function request(name: string, spec: object = {}, metadata: object = {}) {
  return api.post(`${accounts}/${name}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata,
    spec,
  })
}

async function aToken(name: string, spec: object = {}): Promise<string> {
  const { body, code } = await request(name, spec)
  expect(code).toBe(201)
  return body.status.token as string
}

const userOf = (token: string) => api.post(whoami, {}, { as: { token } })
const codeFor = async (token: string) => (await userOf(token)).code

test('a token carries the claims of Kubernetes and makes its bearer the account', async () => {
  const uid = await anAccount('robot')
  const { body } = await request('robot')
  expect(body).toMatchObject({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name: 'robot', namespace: 'default' },
    spec: { audiences: [issuer], expirationSeconds: 3600 },
  })
  const claims = decodeJwt(body.status.token as string)
  const { iat = 0, jti } = claims
  expect(claims).toEqual({
    aud: [issuer],
    exp: iat + 3600,
    iat,
    iss: issuer,
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid } },
    nbf: iat,
    sub: 'system:serviceaccount:default:robot',
  })
  expect(Date.parse(body.status.expirationTimestamp as string)).toBe((iat + 3600) * 1000)

  const review = await userOf(body.status.token as string)
  expect(review.body.status.userInfo).toEqual({
    username: 'system:serviceaccount:default:robot',
    uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] },
  })
})

// That kubectl creates tokens is for the kubectl tour: older ones cannot.
test('kubectl with a token acts as the account', async () => {
  await anAccount('by-kubectl')
  const config = kubectl.file('account.json', {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: server.url, 'certificate-authority-data': btoa(server.caPem) } },
    ],
    users: [{ name: 'u', user: { token: await aToken('by-kubectl') } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
  expect(await kubectl.fails('get', 'secrets', `--kubeconfig=${config}`)).toContain(
    'User "system:serviceaccount:default:by-kubectl" cannot list resource "secrets"',
  )
})

test.each([
  [
    { expirationSeconds: 599 },
    'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
  ],
  [
    { expirationSeconds: 2 ** 32 + 1 },
    'spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
  ],
])('a life of %j is refused', async (spec, message) => {
  await api.post(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'limits' } })
  const { code, body } = await request('limits', spec)
  expect(code).toBe(422)
  expect(body.message).toBe(`TokenRequest.authentication.k8s.io "" is invalid: ${message}`)
})

test('a request has to be for the account that the path names, and for one that there is', async () => {
  await anAccount('placed')
  expect((await request('placed', {}, { name: 'other' })).body.message).toBe(
    'TokenRequest.authentication.k8s.io "placed" is invalid: metadata.name: Invalid value: "other": must match the ' +
      'service account name if specified',
  )
  const { code, body } = await request('nobody')
  expect([code, body.message]).toEqual([404, 'serviceaccounts "nobody" not found'])
  expect((await api.get(`${accounts}/placed/token`)).code).toBe(405)
})

test('a token is good until it expires, with nothing sent in between and with requests all the time', async () => {
  await anAccount('mortal')
  const token = await aToken('mortal', { expirationSeconds: 600 })
  expect(await codeFor(token)).toBe(201)
  ahead.ms += 599_000
  expect(await codeFor(token)).toBe(201)
  ahead.ms += 2000
  const { code, body } = await userOf(token)
  expect([code, body.message, body.reason]).toEqual([401, 'Unauthorized', 'Unauthorized'])
})

test('a token dies with its account, and does not come back with another of the name', async () => {
  await anAccount('gone')
  const token = await aToken('gone')
  expect(await codeFor(token)).toBe(201)
  await api.delete(`${accounts}/gone`)
  await expect.poll(() => codeFor(token)).toBe(401)
  await anAccount('gone')
  await expect.poll(() => codeFor(token)).toBe(401)
  expect(await codeFor(await aToken('gone'))).toBe(201)
})

test('a token that is bound to a Secret dies with it', async () => {
  await anAccount('bound')
  const uid = await aSecret('anchor')
  const ref = { apiVersion: 'v1', kind: 'Secret', name: 'anchor' }
  const token = await aToken('bound', { boundObjectRef: ref })
  expect(decodeJwt(token)['kubernetes.io']).toMatchObject({ secret: { name: 'anchor', uid } })
  expect(await codeFor(token)).toBe(201)
  const wrong = await request('bound', { boundObjectRef: { ...ref, uid: 'another' } })
  expect(wrong.code).toBe(409)
  expect((await request('bound', { boundObjectRef: { ...ref, name: 'none' } })).code).toBe(404)
  expect((await request('bound', { boundObjectRef: { ...ref, kind: 'Pod' } })).code).toBe(400)
  await api.delete(`${secrets}/anchor`)
  await expect.poll(() => codeFor(token)).toBe(401)
  await aSecret('anchor')
  await expect.poll(() => codeFor(token)).toBe(401)
})

test('tokens for others, of others and in pieces are refused', async () => {
  const uid = await anAccount('victim')
  const good = await aToken('victim')
  expect(await codeFor(await aToken('victim', { audiences: ['vault'] }))).toBe(401)
  expect(await codeFor(await aToken('victim', { audiences: ['vault', issuer] }))).toBe(201)

  const [head = '', claims = '', signature = ''] = good.split('.')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`
  const forged = await new SignJWT(decodeJwt(good))
    .setProtectedHeader({ alg: 'ES256' })
    .sign(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const other = Buffer.from(JSON.stringify({ ...decodeJwt(good), sub: 'system:admin', uid })).toString(
    'base64url',
  )
  // A public key that is taken for a shared secret.
  const jwks = (await api.get('/openid/v1/jwks')).body as JSONWebKeySet
  const publicPem = createPublicKey({ key: jwks.keys[0] ?? {}, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  })
  const confused = await new SignJWT(decodeJwt(good))
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(publicPem))
  const bad = [
    unsigned,
    forged,
    confused,
    `${head}.${other}.${signature}`,
    `${head}.${claims}.`,
    `${head}.${claims}`,
    `${good}.`,
    '...',
    'x',
    'a'.repeat(12_000),
  ]
  for (const token of bad) {
    const { code, body } = await userOf(token)
    expect([token, code, body.message]).toEqual([token, 401, 'Unauthorized'])
  }
})

test('others find the keys and check tokens by themselves', async () => {
  await anAccount('federated')
  const token = await aToken('federated', { audiences: ['cloud'] })
  const configuration = await api.get('/.well-known/openid-configuration', {
    as: { token: await aToken('federated') },
  })
  expect(configuration.headers['content-type']).toBe('application/json')
  expect(configuration.body).toEqual({
    issuer,
    jwks_uri: `${server.url}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
  const keys = await api.get('/openid/v1/jwks', { as: { token: await aToken('federated') } })
  expect(keys.headers['content-type']).toBe('application/jwk-set+json')
  expect(JSON.stringify(keys.body)).not.toContain('"d"')
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys.body as JSONWebKeySet), {
    issuer,
    audience: 'cloud',
    currentDate: new Date(clock.now()),
  })
  expect(payload.sub).toBe('system:serviceaccount:default:federated')
})

test('discovery and OpenAPI list the subresource', async () => {
  const { body } = await api.get('/api/v1')
  expect(body.resources).toContainEqual({
    name: 'serviceaccounts/token',
    singularName: '',
    namespaced: true,
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenRequest',
    verbs: ['create'],
  })
  const openApi = (await api.get('/openapi/v3/api/v1')).body
  const operations = openApi.paths['/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token']
  expect(Object.keys(operations)).toEqual(['post', 'parameters'])
  expect(operations.post).toMatchObject({
    operationId: 'createCoreV1NamespacedServiceAccountToken',
    'x-kubernetes-group-version-kind': {
      group: 'authentication.k8s.io',
      kind: 'TokenRequest',
      version: 'v1',
    },
  })
  expect(openApi.components.schemas['io.k8s.api.authentication.v1.TokenRequest'].properties).toHaveProperty(
    'spec',
  )
})

test('servers that share a directory believe each other, also about what one has just made', async () => {
  const other = await startTestApiServer({
    storage: server.storage,
    clock,
    flags: { 'cert-dir': server.directory },
  })
  const client = new ApiClient(other)
  try {
    for (let round = 0; round < 10; round++) {
      await anAccount('moving')
      const token = await aToken('moving')
      expect((await client.post(whoami, {}, { as: { token } })).code).toBe(201)
      await api.delete(`${accounts}/moving`)
    }
  } finally {
    client.close()
    await other.close()
  }
})

test('after a rotation tokens of the old key are good for as long as it is named', async () => {
  const directory = server.directory
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ type, format: 'pem' })
  const old = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const next = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  writeFileSync(join(directory, 'old.key'), pem(old.privateKey, 'pkcs8'))
  writeFileSync(join(directory, 'old.pub'), pem(old.publicKey, 'spki'))
  writeFileSync(join(directory, 'next.key'), pem(next.privateKey, 'pkcs8'))
  const flags = (signing: string, more: Record<string, string> = {}) => ({
    'cert-dir': directory,
    'service-account-signing-key-file': join(directory, signing),
    ...more,
  })
  const using = async (given: Record<string, string>, run: (client: ApiClient) => Promise<void>) => {
    const other = await startTestApiServer({ storage: server.storage, clock, flags: given })
    const client = new ApiClient(other)
    try {
      await run(client)
    } finally {
      client.close()
      await other.close()
    }
  }
  await anAccount('rotated')
  let token = ''
  await using(flags('old.key'), async (client) => {
    const { body } = await client.post(`${accounts}/rotated/token`, { spec: {} })
    token = body.status.token as string
    expect((await client.post(whoami, {}, { as: { token } })).code).toBe(201)
  })
  await using(
    flags('next.key', { 'service-account-key-file': join(directory, 'old.pub') }),
    async (client) => {
      expect((await client.post(whoami, {}, { as: { token } })).code).toBe(201)
      const { body } = await client.post(`${accounts}/rotated/token`, { spec: {} })
      expect((await client.post(whoami, {}, { as: { token: body.status.token as string } })).code).toBe(201)
      expect((await client.get('/openid/v1/jwks')).body.keys).toHaveLength(2)
    },
  )
  await using(flags('next.key'), async (client) => {
    expect((await client.post(whoami, {}, { as: { token } })).code).toBe(401)
  })
})
