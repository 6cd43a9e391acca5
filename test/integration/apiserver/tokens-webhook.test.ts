import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { systemClock, type Clock } from '../../../apimachinery/clock.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startHttpsWebhook, type HttpsWebhook, type Respond } from '../../support/https-webhook.ts'
import { ApiClient } from './api-client.ts'

const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const reviews = '/apis/authentication.k8s.io/v1/tokenreviews'
const apiVersion = 'authentication.k8s.io/v1'

/** The system's time, moved on by tests. */
const ahead = { ms: 0 }
const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead.ms }

let directory: string
let webhook: HttpsWebhook
let server: TestApiServer
let api: ApiClient

const eve = { username: 'eve', uid: '7', groups: ['a'], extra: { Scope: ['x'] } }
const answering =
  (status: object): Respond =>
  (_received, response) => {
    const review = { apiVersion, kind: 'TokenReview', status }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(review))
  }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-webhook-'))
  webhook = await startHttpsWebhook(answering({}))
  const path = join(directory, 'kubeconfig')
  const cluster = { server: `${webhook.url}/review`, 'certificate-authority-data': webhook.caBundle }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'server-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  writeFileSync(path, stringify(config))
  server = await startTestApiServer({
    clock,
    flags: {
      'authentication-token-webhook-config-file': path,
      'authentication-token-webhook-version': 'v1',
      'authentication-token-webhook-cache-ttl': '30s',
    },
  })
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
  await webhook.close()
  await rm(directory, { recursive: true, force: true })
})

beforeEach(() => webhook.respond(answering({ authenticated: false })))

const userOf = async (token: string) => {
  const { code, body } = await api.post(whoami, {}, { as: { token } })
  return code === 201 ? (body.status.userInfo as object) : code
}

test('the service is asked with a TokenReview, and believed for a while', async () => {
  webhook.respond(answering({ authenticated: true, user: eve }))
  const before = webhook.received.length
  for (let index = 0; index < 5; index++) {
    expect(await userOf('cached')).toEqual({
      username: 'eve',
      uid: '7',
      groups: ['a', 'system:authenticated'],
      extra: { scope: ['x'] },
    })
  }
  expect(webhook.received).toHaveLength(before + 1)
  expect(webhook.received.at(-1)).toMatchObject({
    path: '/review',
    headers: { authorization: 'Bearer server-token' },
    body: { apiVersion, kind: 'TokenReview', spec: { token: 'cached', audiences: [expect.any(String)] } },
  })
  webhook.respond(answering({ authenticated: false }))
  ahead.ms += 31_000
  expect(await userOf('cached')).toBe(401)
})

test('a refusal is believed for a while as well', async () => {
  const before = webhook.received.length
  expect(await userOf('refused')).toBe(401)
  webhook.respond(answering({ authenticated: true, user: eve }))
  expect(await userOf('refused')).toBe(401)
  expect(webhook.received).toHaveLength(before + 1)
  ahead.ms += 31_000
  expect(await userOf('refused')).toMatchObject({ username: 'eve' })
})

test('tokens of others never get there', async () => {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } }
  await api.post('/api/v1/namespaces/default/serviceaccounts', account)
  const { body } = await api.post('/api/v1/namespaces/default/serviceaccounts/robot/token', { spec: {} })
  const before = webhook.received.length
  expect(await userOf(body.status.token as string)).toMatchObject({
    username: 'system:serviceaccount:default:robot',
  })
  expect(webhook.received).toHaveLength(before)
})

test.each([
  ['a user without a name', { authenticated: true, user: {} }],
  ['another audience', { authenticated: true, user: eve, audiences: ['vault'] }],
  ['a reason', { authenticated: false, error: 'revoked' }],
])('%s is a refusal', async (what, status) => {
  webhook.respond(answering(status))
  expect(await userOf(what.replaceAll(' ', '-'))).toBe(401)
})

test('a review of another audience is passed on', async () => {
  webhook.respond(answering({ authenticated: true, user: eve, audiences: ['vault'] }))
  const { body } = await api.post(reviews, { spec: { token: 'foreign', audiences: ['vault', 'other'] } })
  expect(body.status).toMatchObject({ authenticated: true, audiences: ['vault'], user: { username: 'eve' } })
  expect(webhook.received.at(-1)?.body).toMatchObject({ spec: { audiences: ['vault', 'other'] } })
})

test('a service that fails once is asked again, and its failure is not remembered', async () => {
  let failures = 1
  webhook.respond(async (received, response) => {
    if (failures-- > 0) response.writeHead(503).end()
    else await answering({ authenticated: true, user: eve })(received, response)
  })
  expect(await userOf('shaky')).toMatchObject({ username: 'eve' })
  webhook.respond((_received, response) => void response.writeHead(400).end('no'))
  expect(await userOf('broken')).toBe(401)
  webhook.respond((_received, response) => void response.end('not json'))
  expect(await userOf('broken')).toBe(401)
  webhook.respond(answering({ authenticated: true, user: eve }))
  expect(await userOf('broken')).toMatchObject({ username: 'eve' })
})
