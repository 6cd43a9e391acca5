import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import {
  configMapsPath,
  labelled,
  patchAnswer,
  register,
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

describe('a mutating webhook', () => {
  test('changes what is stored; what it adds is checked', async () => {
    const webhook = await aWebhook(({ object }) =>
      object.metadata.name === 'invalid'
        ? patchAnswer({ op: 'add', path: '/metadata/labels/not valid', value: 'x' })
        : patchAnswer(
            { op: 'add', path: '/data/added', value: 'yes' },
            { op: 'add', path: '/unknown', value: 1 },
          ),
    )
    await register(api, { kind: 'Mutating', name: 'changes', webhooks: [webhookEntry(webhook, 'changes')] })
    await whenCalled(api, webhook, 'changes')
    const { body } = await api.post(configMapsPath, labelled('changes', 'changed', { own: 'a' }))
    expect(body.data).toEqual({ own: 'a', added: 'yes' })
    expect(body).not.toHaveProperty('unknown')
    expect((await api.get(`${configMapsPath}/changed`)).body.data).toEqual({ own: 'a', added: 'yes' })
    const invalid = await api.post(configMapsPath, labelled('changes', 'invalid'))
    expect(invalid.code).toBe(422)
  })

  test('knows no name where one is to be generated, and its own name wins', async () => {
    const webhook = await aWebhook(() =>
      patchAnswer({ op: 'add', path: '/metadata/name', value: 'named-by-webhook' }),
    )
    await register(api, { kind: 'Mutating', name: 'names', webhooks: [webhookEntry(webhook, 'names')] })
    await whenCalled(api, webhook, 'names')
    const { body } = await api.post(configMapsPath, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { generateName: 'made-', labels: { test: 'names' } },
    })
    expect(webhook.requests().at(-1)).not.toHaveProperty('name')
    expect(body.metadata.name).toBe('named-by-webhook')
  })

  test('is called again when another one changed the object after it', async () => {
    const first = await aWebhook(({ object }) =>
      patchAnswer({
        op: 'add',
        path: '/data/seen',
        value: Object.keys(object.data ?? {})
          .toSorted()
          .join(),
      }),
    )
    const second = await aWebhook(({ object }) =>
      object.data?.late === undefined
        ? patchAnswer({ op: 'add', path: '/data/late', value: 'yes' })
        : undefined,
    )
    await register(api, {
      kind: 'Mutating',
      name: 'again',
      webhooks: [
        {
          ...webhookEntry(first, 'again', { reinvocationPolicy: 'IfNeeded' }),
          name: 'first.again.example.org',
        },
        { ...webhookEntry(second, 'again'), name: 'second.again.example.org' },
      ],
    })
    await whenCalled(api, second, 'again')
    const calls = [first.received.length, second.received.length]
    const { body } = await api.post(configMapsPath, labelled('again', 'again', { own: 'a' }))
    expect(body.data).toEqual({ own: 'a', late: 'yes', seen: 'late,own,seen' })
    expect([first.received.length, second.received.length]).toEqual([
      (calls[0] ?? 0) + 2,
      (calls[1] ?? 0) + 1,
    ])
  })

  test('with a patch that does not fit fails the request', async () => {
    const webhook = await aWebhook(({ object }) =>
      object.metadata.name === 'probe' ? undefined : patchAnswer({ op: 'remove', path: '/nowhere' }),
    )
    await register(api, { kind: 'Mutating', name: 'misfit', webhooks: [webhookEntry(webhook, 'misfit')] })
    await whenCalled(api, webhook, 'misfit')
    const { body } = await api.post(configMapsPath, labelled('misfit', 'misfit'))
    expect(body).toMatchObject({ code: 500, reason: 'InternalError' })
  })
})
