import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { ApiClient, type ApiAnswer } from './api-client.ts'

const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const tokenType = 'kubernetes.io/service-account-token'

let etcd: EtcdServer
let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  etcd = await startEtcd()
  server = await startTestApiServer({ storage: { endpoints: etcd.endpoints }, flags: { controllers: '*' } })
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
  await etcd.stop()
})

const inNamespace = (namespace: string, path: string) => `/api/v1/namespaces/${namespace}/${path}`
const codeOf = async (path: string, client = api) => (await client.get(path)).code

async function aNamespace(name: string): Promise<void> {
  expect(
    (await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })).code,
  ).toBe(201)
}

function tokenSecret(namespace: string, name: string, account: string): Promise<ApiAnswer> {
  return api.post(inNamespace(namespace, 'secrets'), {
    apiVersion: 'v1',
    kind: 'Secret',
    type: tokenType,
    metadata: { name, annotations: { 'kubernetes.io/service-account.name': account } },
  })
}

async function filledSecret(namespace: string, name: string): Promise<Record<string, string>> {
  const path = inNamespace(namespace, `secrets/${name}`)
  await expect.poll(async () => (await api.get(path)).body.data?.token).toBeTruthy()
  const { data } = (await api.get(path)).body as { data: Record<string, string> }
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, atob(value)]))
}

async function anAccount(namespace: string, name: string): Promise<void> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }
  expect((await api.post(inNamespace(namespace, 'serviceaccounts'), account)).code).toBe(201)
}

test('namespaces have a default account and the authority, also those of before the start', async () => {
  await aNamespace('fresh')
  for (const namespace of ['default', 'kube-system', 'kube-public', 'fresh']) {
    await expect.poll(() => codeOf(inNamespace(namespace, 'serviceaccounts/default'))).toBe(200)
    await expect
      .poll(async () => (await api.get(inNamespace(namespace, 'configmaps/kube-root-ca.crt'))).body.data)
      .toEqual({ 'ca.crt': server.caPem })
  }
})

test('both come back when they are deleted, and the authority when it is changed', async () => {
  await aNamespace('stubborn')
  const account = inNamespace('stubborn', 'serviceaccounts/default')
  const authority = inNamespace('stubborn', 'configmaps/kube-root-ca.crt')
  await expect.poll(() => codeOf(account)).toBe(200)
  await expect.poll(() => codeOf(authority)).toBe(200)
  const { uid } = (await api.get(account)).body.metadata
  await api.delete(account)
  await expect.poll(async () => (await api.get(account)).body.metadata?.uid ?? uid).not.toBe(uid)
  await api.delete(authority)
  await expect.poll(() => codeOf(authority)).toBe(200)
  await api.patch(authority, 'merge', { data: { 'ca.crt': 'forged', more: 'x' } })
  await expect.poll(async () => (await api.get(authority)).body.data).toEqual({ 'ca.crt': server.caPem })
  const home = inNamespace('kube-system', 'configmaps/kube-root-ca.crt')
  await api.patch(home, 'merge', { data: { 'ca.crt': 'forged' } })
  await expect.poll(async () => (await api.get(home)).body.data).toEqual({ 'ca.crt': server.caPem })
  await expect.poll(async () => (await api.get(authority)).body.data).toEqual({ 'ca.crt': server.caPem })
})

test('a namespace with both can be deleted', async () => {
  await aNamespace('short-lived')
  await expect.poll(() => codeOf(inNamespace('short-lived', 'serviceaccounts/default'))).toBe(200)
  await api.delete('/api/v1/namespaces/short-lived')
  await expect.poll(() => codeOf('/api/v1/namespaces/short-lived'), { timeout: 20_000 }).toBe(404)
})

test('a Secret that asks for a token gets one, which is good until the Secret goes', async () => {
  await aNamespace('legacy')
  await anAccount('legacy', 'robot')
  expect((await tokenSecret('legacy', 'robot-token', 'robot')).code).toBe(201)
  const { token = '', ...others } = await filledSecret('legacy', 'robot-token')
  expect(others).toEqual({ 'ca.crt': server.caPem, namespace: 'legacy' })
  const account = (await api.get(inNamespace('legacy', 'serviceaccounts/robot'))).body.metadata
  expect(decodeJwt(token)).toEqual({
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'legacy',
    'kubernetes.io/serviceaccount/secret.name': 'robot-token',
    'kubernetes.io/serviceaccount/service-account.name': 'robot',
    'kubernetes.io/serviceaccount/service-account.uid': account.uid,
    sub: 'system:serviceaccount:legacy:robot',
  })
  const { code, body } = await api.post(whoami, {}, { as: { token } })
  expect(code).toBe(201)
  expect(body.status.userInfo).toMatchObject({
    username: 'system:serviceaccount:legacy:robot',
    uid: account.uid,
  })

  const path = inNamespace('legacy', 'secrets/robot-token')
  const used = async () =>
    (await api.get(path)).body.metadata.labels?.['kubernetes.io/legacy-token-last-used']
  await expect.poll(used).toMatch(/^\d{4}-\d\d-\d\d$/)
  await api.delete(path)
  await expect.poll(async () => (await api.post(whoami, {}, { as: { token } })).code).toBe(401)
})

test('a token that was taken out of its Secret, or marked invalid, is refused', async () => {
  await aNamespace('revoked')
  await anAccount('revoked', 'robot')
  await tokenSecret('revoked', 'one', 'robot')
  const { token = '' } = await filledSecret('revoked', 'one')
  const path = inNamespace('revoked', 'secrets/one')
  const code = async () => (await api.post(whoami, {}, { as: { token } })).code
  expect(await code()).toBe(201)
  const invalid = (value: string | null) =>
    api.patch(path, 'merge', { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': value } } })
  await invalid('2026-01-01')
  await expect.poll(code).toBe(401)
  await invalid(null)
  await expect.poll(code).toBe(201)
  await api.patch(path, 'merge', { data: { token: null } })
  await expect.poll(async () => (await filledSecret('revoked', 'one')).token).not.toBe(token)
  await expect.poll(code).toBe(401)
})

test('Secrets with tokens go with their account, and those without one go at once', async () => {
  await aNamespace('orphans')
  await anAccount('orphans', 'robot')
  await tokenSecret('orphans', 'kept', 'robot')
  await filledSecret('orphans', 'kept')
  await tokenSecret('orphans', 'stray', 'nobody')
  await expect.poll(() => codeOf(inNamespace('orphans', 'secrets/stray'))).toBe(404)
  expect(await codeOf(inNamespace('orphans', 'secrets/kept'))).toBe(200)
  await api.delete(inNamespace('orphans', 'serviceaccounts/robot'))
  await expect.poll(() => codeOf(inNamespace('orphans', 'secrets/kept'))).toBe(404)
})

test('a Secret for a token has to say whose', async () => {
  const { code, body } = await api.post(inNamespace('default', 'secrets'), {
    apiVersion: 'v1',
    kind: 'Secret',
    type: tokenType,
    metadata: { name: 'whose' },
  })
  expect([code, body.message]).toEqual([
    422,
    'Secret "whose" is invalid: metadata.annotations[kubernetes.io/service-account.name]: Required value',
  ])
})

test('servers with authorities and work of their own agree', async () => {
  const other = await startTestApiServer({
    storage: { endpoints: etcd.endpoints },
    flags: { controllers: '*' },
  })
  const client = new ApiClient(other)
  try {
    const path = inNamespace('default', 'configmaps/kube-root-ca.crt')
    const published = async () => String((await api.get(path)).body.data?.['ca.crt'])
    await expect.poll(published).toContain(other.caPem.trim())
    expect(await published()).toContain(server.caPem.trim())
    await aNamespace('shared')
    await anAccount('shared', 'robot')
    await tokenSecret('shared', 'token', 'robot')
    const { token } = await filledSecret('shared', 'token')
    // Both have seen everything and neither has anything left to write.
    const versions = async () => {
      const paths = ['secrets/token', 'configmaps/kube-root-ca.crt', 'serviceaccounts/default']
      const answers = await Promise.all(paths.map((one) => client.get(inNamespace('shared', one))))
      return answers.map(({ body }) => String(body.metadata?.resourceVersion))
    }
    let before: string[]
    do {
      before = await versions()
      await client.post(inNamespace('shared', 'configmaps'), {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'beat-' },
      })
    } while (String(await versions()) !== String(before))
    expect(before).not.toContain('undefined')
    expect((await filledSecret('shared', 'token')).token).toBe(token)
  } finally {
    client.close()
    await other.close()
  }
})
