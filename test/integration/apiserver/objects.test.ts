import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

let server: TestApiServer
let api: ApiClient

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd' })
  api = new ApiClient(server)
  await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)
  await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 200)
})

afterAll(async () => {
  api.close()
  await server.close()
})

const configMaps = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
})

describe('create', () => {
  test('fills in what the server owns', async () => {
    const { code, body } = await api.post(configMaps, {
      ...configMap('filled', { data: { a: '1' } }),
      metadata: { name: 'filled', uid: 'mine', creationTimestamp: null, generation: 7 },
    })
    expect(code).toBe(201)
    expect(body.metadata).toEqual({
      name: 'filled',
      namespace: 'default',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: expect.stringMatching(/^\d+$/),
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      managedFields: [
        {
          manager: 'unknown',
          operation: 'Update',
          apiVersion: 'v1',
          time: body.metadata.creationTimestamp,
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } },
        },
      ],
    })
  })

  test('makes names from generateName', async () => {
    const { body } = await api.post(configMaps, { ...configMap(''), metadata: { generateName: 'made-' } })
    expect(body.metadata.name).toMatch(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  })

  test.each([
    ['a name that is taken', configMap('filled'), 409, 'configmaps "filled" already exists'],
    [
      'no name',
      configMap(''),
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'a name in capitals',
      configMap('Name'),
      422,
      "ConfigMap \"Name\" is invalid: metadata.name: Invalid value: \"Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
    [
      'another namespace than the URL',
      { ...configMap('x'), metadata: { name: 'x', namespace: 'other' } },
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'another kind',
      { ...configMap('x'), kind: 'Secret' },
      400,
      'Secret in version "v1" cannot be handled as a ConfigMap: the kind in the data does not match the kind of the resource',
    ],
    [
      'another version',
      { ...configMap('x'), apiVersion: 'v2' },
      400,
      'the API version in the data (v2) does not match the expected API version (v1)',
    ],
    [
      'a label that is none',
      { ...configMap('x'), metadata: { name: 'x', labels: { 'a b': 'ok' } } },
      422,
      expect.stringContaining(
        'metadata.labels: Invalid value: "a b": name part must consist of alphanumeric',
      ),
    ],
    [
      'a resourceVersion',
      { ...configMap('x'), metadata: { name: 'x', resourceVersion: '1' } },
      400,
      'resourceVersion should not be set on objects to be created',
    ],
    [
      'annotations of more than 256 KiB',
      { ...configMap('x'), metadata: { name: 'x', annotations: { big: 'x'.repeat(262145) } } },
      422,
      'ConfigMap "x" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes',
    ],
  ])('refuses %s', async (_, body, code, message) => {
    const answer = await api.post(configMaps, body)
    expect({ code: answer.code, message: answer.body.message }).toEqual({ code, message })
  })

  test('needs the namespace to be there', async () => {
    const { code, body } = await api.post('/api/v1/namespaces/nowhere/configmaps', configMap('x'))
    expect([code, body.reason, body.message]).toEqual([404, 'NotFound', 'namespaces "nowhere" not found'])
  })

  test('takes YAML, and a body without a type', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: "1"}\n'
    const typed = await api.post(configMaps, yaml, { headers: { 'content-type': 'application/yaml' } })
    expect(typed.code).toBe(201)
    const bare = await api.post(configMaps, JSON.stringify(configMap('bare')), {
      headers: { 'content-type': '' },
    })
    expect(bare.code).toBe(201)
  })

  test('reports duplicate and unknown fields as asked', async () => {
    const body =
      '{"kind":"Widget","apiVersion":"test.example.org/v1","metadata":{"name":"dup"},"spec":{"color":"red","color":"blue","x":1}}'
    const strict = await api.post(`${widgetsPath}?fieldValidation=Strict`, body)
    expect([strict.code, strict.body.message]).toEqual([
      400,
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.x", duplicate field "spec.color"',
    ])
    const warned = await api.post(`${widgetsPath}?dryRun=All`, body)
    expect([warned.code, warned.headers['warning']]).toEqual([
      201,
      '299 - "unknown field \\"spec.x\\"", 299 - "duplicate field \\"spec.color\\""',
    ])
    const ignored = await api.post(`${widgetsPath}?dryRun=All&fieldValidation=Ignore`, body)
    expect(ignored.headers['warning']).toBeUndefined()
    expect((await api.post(`${widgetsPath}?dryRun=Some`, body)).body.message).toBe(
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "Some": supported values: "All"',
    )
  })
})

describe('update', () => {
  test('needs the version that it was based on', async () => {
    const { body: old } = await api.post(configMaps, configMap('race', { data: { a: '1' } }))
    const { body: now } = await api.put(`${configMaps}/race`, { ...old, data: { a: '2' } })
    expect(Number(now.metadata.resourceVersion)).toBeGreaterThan(Number(old.metadata.resourceVersion))
    const stale = await api.put(`${configMaps}/race`, { ...old, data: { a: '3' } })
    expect([stale.code, stale.body.reason, stale.body.message]).toEqual([
      409,
      'Conflict',
      'Operation cannot be fulfilled on configmaps "race": the object has been modified; please apply your changes to the latest version and try again',
    ])
  })

  test('without a version replaces a built-in and is refused for a custom resource', async () => {
    expect((await api.put(`${configMaps}/race`, configMap('race', { data: { z: '1' } }))).code).toBe(200)
    await api.post(widgetsPath, aWidget('versioned'))
    const { code, body } = await api.put(`${widgetsPath}/versioned`, aWidget('versioned'))
    expect([code, body.message]).toEqual([
      422,
      'Widget.test.example.org "versioned" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    ])
  })

  test('that changes nothing writes nothing', async () => {
    const { body } = await api.get(`${configMaps}/race`)
    const again = await api.put(`${configMaps}/race`, body)
    expect(again.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion)
  })

  test('keeps identity and refuses another uid', async () => {
    const { body } = await api.get(`${configMaps}/race`)
    const metadata = { ...body.metadata, creationTimestamp: '2001-01-01T00:00:00Z', generation: 99 }
    const kept = await api.put(`${configMaps}/race`, { ...body, metadata })
    expect(kept.body.metadata.creationTimestamp).toBe(body.metadata.creationTimestamp)
    const other = await api.put(
      `${configMaps}/race`,
      configMap('race', { metadata: { name: 'race', uid: 'another' } }),
    )
    expect(other.body.message).toBe(
      `Operation cannot be fulfilled on configmaps "race": Precondition failed: UID in precondition: another, UID in object meta: ${body.metadata.uid}`,
    )
  })

  test('of a name that differs from the URL is refused, of a missing one too', async () => {
    expect((await api.put(`${configMaps}/race`, configMap('rice'))).body.message).toBe(
      'the name of the object (rice) does not match the name on the URL (race)',
    )
    expect((await api.put(`${configMaps}/none`, configMap('none'))).body.message).toBe(
      'configmaps "none" not found',
    )
  })

  test('of an immutable config map is refused', async () => {
    await api.post(configMaps, configMap('frozen', { data: { a: '1' }, immutable: true }))
    const { body } = await api.patch(`${configMaps}/frozen`, 'merge', { data: { a: '2' } })
    expect(body.message).toBe(
      'ConfigMap "frozen" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    )
  })
})

describe('patch', () => {
  test('that does not fit answers with what kubectl prints', async () => {
    const test = [{ op: 'test', path: '/data/z', value: 'other' }]
    expect((await api.patch(`${configMaps}/race`, 'json', test)).code).toBe(422)
    expect((await api.patch(`${configMaps}/race`, 'json', 'nonsense')).code).toBe(400)
  })

  test('of custom resources is not strategic', async () => {
    const { code } = await api.patch(`${widgetsPath}/versioned`, 'strategic-merge', {
      spec: { color: 'blue' },
    })
    expect(code).toBe(415)
  })

  test('apply needs a manager, and tells a wrong field', async () => {
    const { body: nameless } = await api.patch(`${widgetsPath}/versioned`, 'apply', aWidget('versioned'))
    expect(nameless.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    )
    const wrong = await api.patch(
      `${widgetsPath}/versioned?fieldManager=m`,
      'apply',
      aWidget('versioned', { hue: 1 }),
    )
    expect([wrong.code, wrong.body.message]).toEqual([
      // As in Kubernetes, which has no reason for it.
      500,
      'failed to create typed patch object (/versioned; test.example.org/v1, Kind=Widget): .spec.hue: field not declared in schema',
    ])
  })

  test('by apply creates, merges lists by key, and gives fields up', async () => {
    const path = `${widgetsPath}/listed?fieldManager=m`
    const created = await api.patch(
      path,
      'apply',
      aWidget('listed', { parts: [{ name: 'a' }, { name: 'b' }] }),
    )
    expect(created.code).toBe(201)
    const other = aWidget('listed', { parts: [{ name: 'c' }] })
    const merged = await api.patch(`${widgetsPath}/listed?fieldManager=n`, 'apply', other)
    expect(merged.body.spec.parts.map((part: { name: string }) => part.name)).toEqual(['a', 'b', 'c'])
    const fewer = await api.patch(path, 'apply', aWidget('listed', { parts: [{ name: 'a' }] }))
    expect(fewer.body.spec.parts.map((part: { name: string }) => part.name)).toEqual(['a', 'c'])
  })
})

describe('delete', () => {
  test('answers with a Status that names what went', async () => {
    const { body: created } = await api.post(configMaps, configMap('gone'))
    const { code, body } = await api.delete(`${configMaps}/gone`)
    expect([code, body]).toEqual([
      200,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'gone', kind: 'configmaps', uid: created.metadata.uid },
      },
    ])
    expect((await api.delete(`${configMaps}/gone`)).code).toBe(404)
  })

  test('keeps to its preconditions', async () => {
    await api.post(configMaps, configMap('guarded'))
    const { code, body } = await api.delete(`${configMaps}/guarded`, { preconditions: { uid: 'other' } })
    expect([code, body.reason]).toEqual([409, 'Conflict'])
    expect(body.message).toContain('the UID in the precondition (other) does not match the UID in record')
  })

  test('waits for finalizers, and happens when the last one is taken off', async () => {
    await api.post(widgetsPath, {
      ...aWidget('held'),
      metadata: { name: 'held', finalizers: ['test.example.org/hold'] },
    })
    const { body } = await api.delete(`${widgetsPath}/held`)
    expect(body.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, generation: 2 })
    expect(body.metadata.deletionTimestamp).toBeDefined()
    const added = await api.patch(`${widgetsPath}/held`, 'merge', {
      metadata: { finalizers: ['test.example.org/hold', 'x/y'] },
    })
    expect(added.body.message).toContain('no new finalizers can be added if the object is being deleted')
    const last = await api.patch(`${widgetsPath}/held`, 'merge', { metadata: { finalizers: null } })
    expect(last.code).toBe(200)
    expect((await api.get(`${widgetsPath}/held`)).code).toBe(404)
  })

  test('of a collection takes what the selector selects', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      const labels = { group: name === 'c3' ? 'stay' : 'go' }
      await api.post(configMaps, { ...configMap(name), metadata: { name, labels } })
    }
    const { body } = await api.delete(`${configMaps}?labelSelector=group%3Dgo`)
    expect(body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['c1', 'c2'])
    const { body: left } = await api.get(`${configMaps}?labelSelector=group`)
    expect(left.items).toHaveLength(1)
  })

  test('of a system namespace is forbidden', async () => {
    const { code, body } = await api.delete('/api/v1/namespaces/default')
    expect([code, body.message]).toEqual([
      403,
      'namespaces "default" is forbidden: this namespace may not be deleted',
    ])
  })
})

describe('namespaces that are going', () => {
  test('take nothing new and say what they wait for', async () => {
    await api.post('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'leaving' },
    })
    const path = '/apis/test.example.org/v1/namespaces/leaving/widgets'
    await api.post(path, {
      ...aWidget('held'),
      metadata: { name: 'held', finalizers: ['test.example.org/hold'] },
    })
    await api.delete('/api/v1/namespaces/leaving')
    const { code, body } = await api.post('/api/v1/namespaces/leaving/configmaps', configMap('late'))
    expect([code, body.message, body.details.causes[0].reason]).toEqual([
      403,
      'configmaps "late" is forbidden: unable to create new content in namespace leaving because it is being terminated',
      'NamespaceTerminating',
    ])
    const condition = async (type: string) => {
      const { body: namespace } = await api.get('/api/v1/namespaces/leaving')
      return namespace.status.conditions?.find((one: { type: string }) => one.type === type)?.message
    }
    await expect
      .poll(() => condition('NamespaceFinalizersRemaining'))
      .toBe(
        'Some content in the namespace has finalizers remaining: test.example.org/hold in 1 resource instances',
      )
    expect(await condition('NamespaceContentRemaining')).toBe(
      'Some resources are remaining: widgets.test.example.org has 1 resource instances',
    )
    await api.patch(`${path}/held`, 'merge', { metadata: { finalizers: null } })
    await expect
      .poll(async () => (await api.get('/api/v1/namespaces/leaving')).code, { timeout: 10_000 })
      .toBe(404)
  })
})

describe('one store under two APIs', () => {
  test('an event of either API is read through the other', async () => {
    const events = '/api/v1/namespaces/default/events'
    await api.post(events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'old.1' },
      involvedObject: { kind: 'ConfigMap', name: 'race', namespace: 'default' },
      message: 'seen',
      reason: 'Seen',
      type: 'Normal',
      count: 2,
    })
    const { body } = await api.get('/apis/events.k8s.io/v1/namespaces/default/events/old.1')
    expect(body).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'seen',
      deprecatedCount: 2,
      regarding: { name: 'race' },
    })
    const { body: list } = await api.get(`${events}?fieldSelector=involvedObject.name%3Drace`)
    expect(list.items).toHaveLength(1)
  })
})
