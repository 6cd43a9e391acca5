import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import {
  configMapsPath,
  labelled,
  register,
  registration,
  startAdmissionWebhook,
  webhookEntry,
  whenCalled,
  type AdmissionWebhook,
} from './admission-fixtures.ts'

let server: TestApiServer
let api: ApiClient
const webhooks: AdmissionWebhook[] = []

async function aWebhook(...decide: Parameters<typeof startAdmissionWebhook>): Promise<AdmissionWebhook> {
  const webhook = await startAdmissionWebhook(...decide)
  webhooks.push(webhook)
  return webhook
}

beforeAll(async () => {
  server = await startTestApiServer()
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
  for (const webhook of webhooks) await webhook.close()
})

describe('configurations', () => {
  test('get defaults', async () => {
    const webhook = await aWebhook()
    await register(api, { kind: 'Mutating', name: 'defaults', webhooks: [webhookEntry(webhook, 'defaults')] })
    const { body } = await api.get(`${registration}/mutatingwebhookconfigurations/defaults`)
    expect(body.metadata.generation).toBe(1)
    expect(body.webhooks[0]).toMatchObject({
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      timeoutSeconds: 10,
      reinvocationPolicy: 'Never',
      rules: [{ scope: '*' }],
    })
  })

  test.each([
    ['', 201],
    ['Cg==', 201],
    ['no base64', 422],
  ])('may name authorities later: %j', async (caBundle, code) => {
    const clientConfig = { url: 'https://127.0.0.1:9/', caBundle }
    const answer = await api.post(`${registration}/validatingwebhookconfigurations?dryRun=All`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'later' },
      webhooks: [webhookEntry({ url: '', caBundle: '' }, 'later', { clientConfig })],
    })
    expect(answer.code).toBe(code)
  })

  test('are refused with the field that is wrong', async () => {
    const { code, body } = await api.post(`${registration}/validatingwebhookconfigurations`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'wrong' },
      webhooks: [
        {
          name: 'short',
          clientConfig: { url: 'http://example.org' },
          rules: [
            { operations: ['CREATE', '*'], apiGroups: [''], apiVersions: ['v1'], resources: ['*', 'pods'] },
          ],
          failurePolicy: 'Maybe',
          sideEffects: 'Some',
          timeoutSeconds: 31,
          admissionReviewVersions: ['v7'],
          matchConditions: [{ name: 'x', expression: 'object.' }],
        },
      ],
    })
    expect(code).toBe(422)
    const fields = body.details.causes.map(({ field }: { field: string }) => field)
    expect(fields).toEqual([
      'webhooks[0].admissionReviewVersions',
      'webhooks[0].name',
      'webhooks[0].rules[0].operations',
      'webhooks[0].rules[0].resources',
      'webhooks[0].failurePolicy',
      'webhooks[0].sideEffects',
      'webhooks[0].timeoutSeconds',
      'webhooks[0].clientConfig.url',
      'webhooks[0].matchConditions[0].expression',
    ])
    expect(body.message).toContain(
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
    )
  })
})

describe('a validating webhook', () => {
  test('refuses with its own words, code and reason', async () => {
    const webhook = await aWebhook(({ name }) =>
      name === 'bad'
        ? { allowed: false, status: { message: 'not like this', reason: 'Forbidden', code: 403 } }
        : undefined,
    )
    await register(api, { kind: 'Validating', name: 'refuses', webhooks: [webhookEntry(webhook, 'refuses')] })
    await whenCalled(api, webhook, 'refuses')
    const refused = await api.post(configMapsPath, labelled('refuses', 'bad'))
    expect(refused.body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'admission webhook "refuses.example.org" denied the request: not like this',
    })
    expect((await api.get(`${configMapsPath}/bad`)).code).toBe(404)
    expect((await api.post(configMapsPath, labelled('refuses', 'good'))).code).toBe(201)
  })

  test('is shown the whole request', async () => {
    const webhook = await aWebhook()
    await register(api, { kind: 'Validating', name: 'shown', webhooks: [webhookEntry(webhook, 'shown')] })
    await whenCalled(api, webhook, 'shown')
    await api.post(`${configMapsPath}?fieldManager=tester`, labelled('shown', 'whole', { a: '1' }))
    await api.patch(`${configMapsPath}/whole`, 'merge', { data: { a: '2' } })
    const [created, updated] = webhook.requests().slice(-2)
    expect(created).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { kind: 'ConfigMap' },
      requestResource: { resource: 'configmaps' },
      name: 'whole',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { groups: expect.arrayContaining(['system:authenticated']) },
      object: {
        metadata: { uid: expect.any(String), managedFields: [{ manager: 'tester' }] },
        data: { a: '1' },
      },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'tester' },
    })
    expect(updated).toMatchObject({
      operation: 'UPDATE',
      object: { data: { a: '2' } },
      oldObject: { data: { a: '1' } },
      options: { kind: 'UpdateOptions' },
    })
    expect(webhook.received.at(-1)?.path).toBe('/?timeout=10s')
  })

  test('sees deletions, one by one, and can hold them up', async () => {
    const webhook = await aWebhook(({ name }) => ({ allowed: name !== 'kept' }))
    const rules = [
      { operations: ['DELETE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['configmaps'] },
    ]
    await api.post(configMapsPath, labelled('deletes', 'kept'))
    await api.post(configMapsPath, labelled('deletes', 'gone'))
    await register(api, {
      kind: 'Validating',
      name: 'deletes',
      webhooks: [webhookEntry(webhook, 'deletes', { rules })],
    })
    await vi.waitUntil(
      async () => (await api.delete(`${configMapsPath}/kept?dryRun=All`)).code === 400,
      20_000,
    )
    const refused = await api.delete(`${configMapsPath}/kept`)
    expect(refused.body.message).toBe(
      'admission webhook "deletes.example.org" denied the request without explanation',
    )
    expect(webhook.requests().at(-1)).toMatchObject({
      operation: 'DELETE',
      object: null,
      oldObject: { metadata: { name: 'kept' } },
      options: { kind: 'DeleteOptions' },
    })
    const all = await api.delete(`${configMapsPath}?labelSelector=test%3Ddeletes`)
    expect(all.code).toBe(400)
    await vi.waitUntil(async () => (await api.get(`${configMapsPath}/gone`)).code === 404)
    expect((await api.get(`${configMapsPath}/kept`)).code).toBe(200)
  })

  test('adds warnings', async () => {
    const webhook = await aWebhook(() => ({ warnings: ['mind the gap'] }))
    await register(api, { kind: 'Validating', name: 'warns', webhooks: [webhookEntry(webhook, 'warns')] })
    await whenCalled(api, webhook, 'warns')
    const { headers } = await api.post(configMapsPath, labelled('warns', 'warned'))
    expect(headers['warning']).toBe('299 - "mind the gap"')
  })
})

describe('failures', () => {
  test('of a webhook that is down close or open the gate by its failurePolicy', async () => {
    const up = await aWebhook()
    const down = await aWebhook()
    await down.close()
    const entry = (label: string, more: object = {}) => webhookEntry(down, label, { ...more })
    await register(api, {
      kind: 'Validating',
      name: 'down',
      webhooks: [
        entry('closed'),
        entry('open', { failurePolicy: 'Ignore' }),
        webhookEntry(up, 'down-control'),
      ],
    })
    await whenCalled(api, up, 'down-control')
    const closed = await api.post(configMapsPath, labelled('closed', 'closed'))
    expect(closed.body).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: expect.stringMatching(
        /^Internal error occurred: failed calling webhook "closed\.example\.org": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/\?timeout=10s": dial tcp .*connection refused$/,
      ),
    })
    expect((await api.post(configMapsPath, labelled('open', 'open'))).code).toBe(201)
  })

  test('by silence end with the timeout', async () => {
    const webhook = await aWebhook()
    const entry = webhookEntry(webhook, 'slow', { timeoutSeconds: 1 })
    await register(api, { kind: 'Mutating', name: 'slow', webhooks: [entry] })
    await whenCalled(api, webhook, 'slow')
    webhook.respond(() => {})
    const { body } = await api.post(configMapsPath, labelled('slow', 'slow'))
    expect(body.message).toMatch(/failed calling webhook "slow\.example\.org": .*context deadline exceeded$/)
    expect(body.code).toBe(500)
  })

  test.each([
    ['nothing in it', {}, 'webhook response was absent'],
    ['another uid', { response: { uid: 'other', allowed: true } }, 'expected response.uid='],
    ['no JSON', 'oops', 'json parse error'],
  ])('by an answer with %s are named', async (name, answer, expected) => {
    const label = `answer-${name.replaceAll(' ', '-').toLowerCase()}`
    const webhook = await aWebhook()
    await register(api, { kind: 'Validating', name: label, webhooks: [webhookEntry(webhook, label)] })
    await whenCalled(api, webhook, label)
    webhook.respond((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
    const { body } = await api.post(configMapsPath, labelled(label, label))
    expect(body.code).toBe(500)
    expect(body.message).toContain(`failed calling webhook "${label}.example.org": `)
    expect(body.message).toContain(expected)
  })

  test('do not come from dry runs: a webhook is told of them', async () => {
    const webhook = await aWebhook()
    const entry = webhookEntry(webhook, 'dry', { sideEffects: 'NoneOnDryRun' })
    await register(api, { kind: 'Validating', name: 'dry', webhooks: [entry] })
    await whenCalled(api, webhook, 'dry')
    expect(webhook.requests().at(-1).dryRun).toBe(true)
  })
})
