import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient, type ApiBody } from './api-client.ts'

let directory = ''
let webhook: Server
let server: TestApiServer
let api: ApiClient
let isBroken = false

/** Allows to read config maps, denies deletions whatever roles say, and has no opinion otherwise. */
function statusFor({ resourceAttributes: wanted }: ApiBody): object {
  if (wanted?.verb === 'delete') return { allowed: false, denied: true, reason: 'nothing is deleted here' }
  if (wanted?.resource === 'configmaps') return { allowed: true, reason: 'open to everybody' }
  return { allowed: false, reason: 'not for me to say' }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-authz-'))
  webhook = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as ApiBody
      response.statusCode = isBroken ? 400 : 200
      response.end(JSON.stringify({ ...review, status: statusFor(review.spec) }))
    })
  })
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve))
  const { port } = webhook.address() as AddressInfo
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}/authorize` } }],
    users: [{ name: 'x', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'current-context': 'x',
  }
  await writeFile(join(directory, 'webhook.kubeconfig'), JSON.stringify(kubeconfig))
  await writeFile(join(directory, 'tokens.csv'), 'ann-token,ann,,\n')
  server = await startTestApiServer({
    flags: {
      'token-auth-file': join(directory, 'tokens.csv'),
      'authorization-mode': 'Webhook,RBAC',
      'authorization-webhook-config-file': join(directory, 'webhook.kubeconfig'),
      'authorization-webhook-cache-authorized-ttl': '0s',
      'authorization-webhook-cache-unauthorized-ttl': '0s',
    },
  })
  api = new ApiClient(server)
})

afterAll(async () => {
  api?.close()
  await server?.close()
  webhook?.closeAllConnections()
  await new Promise((resolve) => webhook?.close(resolve))
  await rm(directory, { recursive: true, force: true })
})

const ann = { as: { token: 'ann-token' } } as const

test('the service allows, denies, or leaves it to roles', async () => {
  await api.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'ann' },
    subjects: [{ kind: 'User', name: 'ann' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  })
  expect((await api.get('/api/v1/namespaces/default/configmaps', ann)).code).toBe(200)
  await expect.poll(async () => (await api.get('/api/v1/secrets', ann)).code).toBe(200)
  const refused = await api.send('DELETE', '/api/v1/namespaces/default/configmaps/one', ann)
  expect(refused.code).toBe(403)
  expect(refused.body.message).toContain('nothing is deleted here')
})

test('a review tells about denials, and rules say that there is more', async () => {
  const post = async (resource: string, kind: string, spec: object) =>
    (
      await api.post(
        `/apis/authorization.k8s.io/v1/${resource}`,
        { apiVersion: 'authorization.k8s.io/v1', kind, spec },
        ann,
      )
    ).body.status
  const deletion = { resourceAttributes: { verb: 'delete', resource: 'configmaps', namespace: 'default' } }
  expect(await post('selfsubjectaccessreviews', 'SelfSubjectAccessReview', deletion)).toEqual({
    allowed: false,
    denied: true,
    reason: 'nothing is deleted here',
  })
  expect(
    await post('selfsubjectrulesreviews', 'SelfSubjectRulesReview', { namespace: 'default' }),
  ).toMatchObject({
    incomplete: true,
    evaluationError: 'webhook authorizer does not support user rule resolution',
  })
})

test('while the service is broken, roles decide; nobody else does', async () => {
  isBroken = true
  try {
    expect((await api.get('/api/v1/secrets', ann)).code).toBe(200)
    await api.delete('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/ann')
    await expect.poll(async () => (await api.get('/api/v1/secrets', ann)).code).toBe(500)
  } finally {
    isBroken = false
  }
})
