import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import { Kubectl } from './kubectl.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const reviews = '/apis/authentication.k8s.io/v1/tokenreviews'
const apiVersion = 'authentication.k8s.io/v1'

interface Status {
  readonly authenticated?: boolean
  readonly user?: object
  readonly audiences?: string[]
  readonly error?: string
}

async function review(client: ApiClient, token: string, audiences?: string[]): Promise<Status> {
  const { code, body } = await client.post(reviews, {
    apiVersion,
    kind: 'TokenReview',
    spec: { token, audiences },
  })
  expect(code).toBe(201)
  return body.status as Status
}

describe('own tokens', () => {
  let server: TestApiServer
  let api: ApiClient
  let kubectl: Kubectl

  beforeAll(async () => {
    server = await startTestApiServer()
    api = new ApiClient(server)
    kubectl = new Kubectl(server)
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } }
    await api.post('/api/v1/namespaces/default/serviceaccounts', account)
  })
  afterAll(async () => {
    kubectl.close()
    api.close()
    await server.close()
  })

  async function tokenFor(...audiences: string[]): Promise<string> {
    const { body } = await api.post('/api/v1/namespaces/default/serviceaccounts/robot/token', {
      spec: { audiences },
    })
    return body.status.token as string
  }

  test('a review tells whose a token is', async () => {
    expect(await review(api, await tokenFor())).toEqual({
      authenticated: true,
      user: {
        username: 'system:serviceaccount:default:robot',
        uid: expect.any(String),
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
      },
      audiences: [issuer],
    })
  })

  test('others ask about tokens that are meant for them', async () => {
    const token = await tokenFor('vault', 'registry')
    expect(await review(api, token, ['other', 'vault'])).toMatchObject({
      authenticated: true,
      audiences: ['vault'],
    })
    const error = `token audiences ["vault","registry"] is invalid for the target audiences ["${issuer}"]`
    expect(await review(api, token)).toEqual({ user: {}, error })
    expect((await review(api, await tokenFor(), ['vault'])).authenticated).toBeUndefined()
  })

  test('what is no token is not authenticated, and a review needs one', async () => {
    expect(await review(api, 'nonsense')).toEqual({ user: {}, error: 'invalid bearer token' })
    const { code, body } = await api.post(reviews, { apiVersion, kind: 'TokenReview', spec: {} })
    expect([code, body.message]).toEqual([400, 'token is required for TokenReview in authentication'])
  })

  test('kubectl posts reviews', async () => {
    const file = kubectl.file('review.json', {
      apiVersion,
      kind: 'TokenReview',
      spec: { token: await tokenFor() },
    })
    const shown = await kubectl.ok('create', '-f', file, '-o', 'jsonpath={.status.user.username}')
    expect(shown).toBe('system:serviceaccount:default:robot')
  })

  test('who may not review learns nothing', async () => {
    const token = await tokenFor()
    const { code } = await api.post(reviews, { spec: { token } }, { as: { token } })
    expect(code).toBe(403)
  })
})

describe('without credentials', () => {
  test('nobody is let in unless that is allowed; probes always are', async () => {
    const closed = await startTestApiServer()
    const open = await startTestApiServer({ flags: { 'anonymous-auth': 'true' } })
    const [one, other] = [new ApiClient(closed), new ApiClient(open)]
    try {
      expect((await one.get('/api', { as: 'nobody' })).code).toBe(401)
      expect((await one.get('/healthz', { as: 'nobody' })).code).toBe(200)
      const { code, body } = await other.get('/api/v1/namespaces', { as: 'nobody' })
      expect([code, body.message]).toEqual([
        403,
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the ' +
          'cluster scope',
      ])
      expect((await other.get('/api/v1/namespaces', { as: { token: 'wrong' } })).code).toBe(401)
    } finally {
      one.close()
      other.close()
      await closed.close()
      await open.close()
    }
  })
})
