import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { manualClock } from '../../support/clock.ts'
import { ApiClient } from './api-client.ts'

const secrets = '/api/v1/namespaces/kube-system/secrets'
const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const secretText = '0123456789abcdef'

const clock = manualClock()
let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer({ clock })
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
})

async function aToken(id: string, more: Record<string, string> = {}, type = 'bootstrap.kubernetes.io/token') {
  const { code } = await api.post(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    type,
    metadata: { name: `bootstrap-token-${id}` },
    stringData: {
      'token-id': id,
      'token-secret': secretText,
      'usage-bootstrap-authentication': 'true',
      ...more,
    },
  })
  expect(code).toBe(201)
}

const review = (token: string) => api.post(whoami, {}, { as: { token } })
const after = (ms: number) => new Date(clock.now() + ms).toISOString().replace('.000', '')

test('a token makes its bearer a host that joins', async () => {
  await aToken('plain0', { 'auth-extra-groups': 'system:bootstrappers:kvorum:hosts,system:bootstrappers:a' })
  const { code, body } = await review(`plain0.${secretText}`)
  expect(code).toBe(201)
  expect(body.status.userInfo).toEqual({
    username: 'system:bootstrap:plain0',
    groups: [
      'system:bootstrappers',
      'system:bootstrappers:a',
      'system:bootstrappers:kvorum:hosts',
      'system:authenticated',
    ],
  })
})

test.each([
  ['wrong0', 'has another secret', { 'token-secret': 'fedcba9876543210' }],
  ['unuse0', 'is not for authentication', { 'usage-bootstrap-authentication': 'false' }],
  ['group0', 'asks for a foreign group', { 'auth-extra-groups': 'system:masters' }],
  ['other0', 'is for another id', { 'token-id': 'other1' }],
  ['dated0', 'has a date that cannot be read', { expiration: 'tomorrow' }],
])('token %s is refused: it %s', async (id, _why, more) => {
  await aToken(id, more)
  const { code, body } = await review(`${id}.${secretText}`)
  expect([code, body.message]).toEqual([401, 'Unauthorized'])
})

test('other Secrets and other texts are no tokens', async () => {
  await aToken('opaque', {}, 'Opaque')
  for (const token of [
    `opaque.${secretText}`,
    `none00.${secretText}`,
    'plain0',
    'plain0.',
    `PLAIN0.${secretText}`,
  ]) {
    expect((await review(token)).code).toBe(401)
  }
})

test('a token is refused when its time is over, and then removed', async () => {
  await aToken('timed0', { expiration: after(60_000) })
  const token = `timed0.${secretText}`
  const path = `${secrets}/bootstrap-token-timed0`
  expect((await review(token)).code).toBe(201)
  clock.jumpWallClock(61_000)
  expect((await review(token)).code).toBe(401)
  expect((await api.get(path)).code).toBe(200)
  await clock.advance(60_000)
  await expect.poll(async () => (await api.get(path)).code).toBe(404)
})

test('a token that has expired already is removed at once, others stay', async () => {
  await aToken('late00', { expiration: after(-1000) })
  await expect.poll(async () => (await api.get(`${secrets}/bootstrap-token-late00`)).code).toBe(404)
  expect((await api.get(`${secrets}/bootstrap-token-plain0`)).code).toBe(200)
})

test('a removed token is refused', async () => {
  await aToken('short0')
  expect((await review(`short0.${secretText}`)).code).toBe(201)
  await api.delete(`${secrets}/bootstrap-token-short0`)
  await expect.poll(async () => (await review(`short0.${secretText}`)).code).toBe(401)
})

test('they can be switched off', async () => {
  const other = await startTestApiServer({
    clock,
    storage: server.storage,
    flags: { 'enable-bootstrap-token-auth': 'false' },
  })
  const client = new ApiClient(other)
  try {
    await aToken('off000')
    expect((await client.post(whoami, {}, { as: { token: `off000.${secretText}` } })).code).toBe(401)
  } finally {
    client.close()
    await other.close()
  }
})
