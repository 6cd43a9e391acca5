import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import {
  configMapsPath,
  labelled,
  patchAnswer,
  register,
  registration,
  startAdmissionWebhook,
  webhookEntry,
  whenCalled,
  type AdmissionWebhook,
} from './admission-fixtures.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

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
  await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)
  await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 200)
})

afterAll(async () => {
  api.close()
  await server.close()
  for (const webhook of webhooks) await webhook.close()
})

describe('matching', () => {
  test('tells subresources apart, and shows a Scale as one', async () => {
    const webhook = await aWebhook(({ subResource, object }) =>
      subResource === 'scale' && object.spec.replicas > 5
        ? patchAnswer({ op: 'replace', path: '/spec/replicas', value: 5 })
        : undefined,
    )
    const rules = [
      {
        operations: ['UPDATE'],
        apiGroups: ['test.example.org'],
        apiVersions: ['*'],
        resources: ['widgets/status', 'widgets/scale'],
      },
    ]
    const entry = webhookEntry(webhook, 'parts', { rules, objectSelector: {} })
    await register(api, { kind: 'Mutating', name: 'parts', webhooks: [entry] })
    await api.post(widgetsPath, aWidget('parts'))
    await vi.waitUntil(async () => {
      await api.patch(`${widgetsPath}/parts/status`, 'merge', { status: { replicas: 1 } })
      return webhook.received.length > 0
    })
    expect(webhook.requests()[0]).toMatchObject({
      subResource: 'status',
      requestSubResource: 'status',
      kind: { group: 'test.example.org', kind: 'Widget' },
    })
    const count = webhook.received.length
    await api.patch(`${widgetsPath}/parts`, 'merge', { spec: { color: 'blue' } })
    expect(webhook.received.length).toBe(count)
    const scaled = await api.patch(`${widgetsPath}/parts/scale`, 'merge', { spec: { replicas: 9 } })
    expect(webhook.requests().at(-1)).toMatchObject({
      subResource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { group: 'test.example.org', resource: 'widgets' },
      object: { kind: 'Scale', spec: { replicas: 9 } },
    })
    expect(scaled.body.spec.replicas).toBe(5)
    expect((await api.get(`${widgetsPath}/parts`)).body.spec).toMatchObject({ replicas: 5, color: 'blue' })
  })

  test('looks at namespaces, and at conditions over request and authorizer', async () => {
    const webhook = await aWebhook()
    await api.post('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'watched', labels: { watched: 'yes' } },
    })
    const entry = webhookEntry(webhook, 'watched', {
      objectSelector: {},
      namespaceSelector: { matchLabels: { watched: 'yes' } },
      matchConditions: [
        { name: 'not-skipped', expression: "!object.metadata.name.startsWith('skip')" },
        {
          name: 'may-list',
          expression:
            "authorizer.group('').resource('secrets').namespace(request.namespace).check('list').allowed()",
        },
      ],
    })
    await register(api, { kind: 'Validating', name: 'watched', webhooks: [entry] })
    const path = '/api/v1/namespaces/watched/configmaps'
    await vi.waitUntil(async () => {
      await api.post(`${path}?dryRun=All`, labelled('watched', 'probe'))
      return webhook.received.length > 0
    })
    const count = webhook.received.length
    await api.post(configMapsPath, labelled('watched', 'elsewhere'))
    await api.post(path, labelled('watched', 'skipped'))
    expect(webhook.received.length).toBe(count)
    await api.post(path, labelled('watched', 'seen'))
    expect(webhook.requests().at(-1)).toMatchObject({ name: 'seen', namespace: 'watched' })
  })

  test('finds the same objects in another version, and shows them in it', async () => {
    const webhook = await aWebhook(({ object }) => ({ allowed: object.note !== 'refused' }))
    const rule = { operations: ['CREATE'], apiVersions: ['v1'], resources: ['events'] }
    const entry = webhookEntry(webhook, 'versions', {
      rules: [{ ...rule, apiGroups: ['events.k8s.io'] }],
    })
    const exact = {
      ...webhookEntry(webhook, 'exact', { ...entry, matchPolicy: 'Exact' }),
      name: 'e.exact.example.org',
    }
    await register(api, { kind: 'Validating', name: 'versions', webhooks: [entry, exact] })
    const event = (message: string) => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: 'event-', labels: { test: 'versions' } },
      involvedObject: { kind: 'ConfigMap', name: 'a', namespace: 'default' },
      reason: 'Tested',
      message,
      type: 'Normal',
    })
    const path = '/api/v1/namespaces/default/events'
    await vi.waitUntil(async () => {
      await api.post(`${path}?dryRun=All`, event('probe'))
      return webhook.received.length > 0
    })
    const before = webhook.received.length
    expect((await api.post(path, event('refused'))).code).toBe(400)
    expect(webhook.received.length).toBe(before + 1)
    expect(webhook.requests().at(-1)).toMatchObject({
      kind: { group: 'events.k8s.io', version: 'v1', kind: 'Event' },
      resource: { group: 'events.k8s.io', resource: 'events' },
      requestKind: { group: '', version: 'v1', kind: 'Event' },
      requestResource: { group: '', resource: 'events' },
      object: { apiVersion: 'events.k8s.io/v1', note: 'refused', regarding: { name: 'a' } },
    })
  })

  test('fails closed when a condition cannot be evaluated', async () => {
    const webhook = await aWebhook()
    const control = await aWebhook()
    const matchConditions = [{ name: 'broken', expression: 'object.data.missing == "x"' }]
    await register(api, {
      kind: 'Validating',
      name: 'broken',
      webhooks: [
        webhookEntry(webhook, 'broken', { matchConditions }),
        webhookEntry(control, 'broken-control'),
      ],
    })
    await whenCalled(api, control, 'broken-control')
    const { body } = await api.post(configMapsPath, labelled('broken', 'broken'))
    expect(body).toMatchObject({ code: 403, reason: 'Forbidden' })
    expect(body.message).toBe(
      `configmaps "broken" is forbidden: expression 'object.data.missing == "x"' resulted in error: no such key: missing`,
    )
    expect(webhook.received.length).toBe(0)
  })

  test('leaves the configurations themselves alone', async () => {
    const webhook = await aWebhook(() => ({ allowed: false }))
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }]
    const entry = webhookEntry(webhook, 'everything', { rules, objectSelector: {} })
    await register(api, { kind: 'Validating', name: 'everything', webhooks: [entry] })
    await vi.waitUntil(async () => (await api.post(configMapsPath, labelled('none', 'stopped'))).code === 400)
    const gone = await api.delete(`${registration}/validatingwebhookconfigurations/everything`)
    expect(gone.code).toBe(200)
    await vi.waitUntil(async () => (await api.post(configMapsPath, labelled('none', 'let-in'))).code === 201)
  })
})
