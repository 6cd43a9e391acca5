import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { answering, startHttpsWebhook, type HttpsWebhook } from '../../support/https-webhook.ts'
import { ApiClient } from './api-client.ts'
import { aSpot, convertSpots, spotCrd, spotsPath, type Review, type Spot } from './spot.ts'

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const crdPath = `${crds}/spots.convert.example.org`
const [v1, v2] = [spotsPath('v1'), spotsPath('v2')]

let server: TestApiServer
let api: ApiClient
let webhook: HttpsWebhook

beforeEach(async () => {
  webhook = await startHttpsWebhook(convertSpots)
  server = await startTestApiServer()
  api = new ApiClient(server)
  await api.post(crds, spotCrd(webhook))
  await vi.waitUntil(async () => (await api.get(v2)).code === 200)
})

afterEach(async () => {
  api.close()
  await server.close()
  await webhook.close()
})

const batches = () =>
  webhook.received.map(({ body }) => (body as Review).request.objects.map(({ metadata }) => metadata.name))

async function storedVersion(name: string): Promise<string | undefined> {
  const { item } = await server.storage.get(`/registry/convert.example.org/spots/default/${name}`, {
    signal: AbortSignal.timeout(30_000),
  })
  return item && (JSON.parse(item.value.toString()) as Spot).apiVersion
}

describe('objects of a kind with a conversion webhook', () => {
  test('are read in a version that they are not stored in, pruned and defaulted, and remembered', async () => {
    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:80' }))

    const { body } = await api.get(`${v2}/one`)
    await api.get(`${v2}/one`)

    expect(body).toMatchObject({
      apiVersion: 'convert.example.org/v2',
      metadata: { name: 'one', labels: { converted: 'yes' } },
    })
    expect(body.spec).toEqual({ host: 'a', port: '80', zone: 'here' })
    expect(batches()).toEqual([['one']])
    expect(webhook.received).toMatchObject([
      {
        path: '/convert',
        body: {
          kind: 'ConversionReview',
          apiVersion: 'apiextensions.k8s.io/v1',
          request: { desiredAPIVersion: 'convert.example.org/v2' },
        },
      },
    ])
  })

  test('are stored in the storage version, whichever version they are written in', async () => {
    const { code, body } = await api.post(v2, aSpot('two', 'v2', { host: 'b', port: '81' }))

    expect([code, body.apiVersion]).toEqual([201, 'convert.example.org/v2'])
    expect(await storedVersion('two')).toBe('convert.example.org/v1')
    expect((await api.get(`${v1}/two`)).body.spec).toEqual({ hostPort: 'b:81' })
  })

  test('are listed with one call, selected as they come out of it, and shown in tables', async () => {
    for (const name of ['a', 'b', 'c']) await api.post(v1, aSpot(name, 'v1', { hostPort: `${name}:80` }))

    const all = await api.get(v2)
    const selected = await api.get(`${v2}?fieldSelector=spec.host%3Db`)
    const table = await api.get(v2, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } })

    expect(all.body.items.map((item: Spot) => item.spec['host'])).toEqual(['a', 'b', 'c'])
    expect(selected.body.items.map((item: Spot) => item.metadata.name)).toEqual(['b'])
    expect(table.body.rows.map((row: { cells: unknown[] }) => row.cells)).toEqual([
      ['a', '80'],
      ['b', '80'],
      ['c', '80'],
    ])
    expect(batches()).toEqual([['a', 'b', 'c']])
  })

  test('are converted page by page', async () => {
    for (const name of ['a', 'b', 'c']) await api.post(v1, aSpot(name, 'v1', { hostPort: `${name}:80` }))

    const first = await api.get(`${v2}?limit=2`)
    const second = await api.get(`${v2}?limit=2&continue=${first.body.metadata.continue}`)

    expect(second.body.items.map((item: Spot) => item.spec['host'])).toEqual(['c'])
    expect(batches()).toEqual([['a', 'b'], ['c']])
  })

  test('are patched and applied in any version', async () => {
    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:80' }))

    const merged = await api.patch(`${v2}/one`, 'merge', { spec: { port: '90' } })
    const configuration = aSpot('one', 'v2', { host: 'z' })
    const applied = await api.patch(`${v2}/one?fieldManager=me&force=true`, 'apply', configuration)

    expect([merged.code, merged.body.spec]).toEqual([200, { host: 'a', port: '90', zone: 'here' }])
    expect([applied.code, applied.body.spec.host]).toEqual([200, 'z'])
    expect((await api.get(`${v1}/one`)).body.spec).toEqual({ hostPort: 'z:90' })
  })

  test('are watched in order, the slow conversion of one holding up the next', async () => {
    let slow = true
    webhook.respond(async (received, response) => {
      if (slow) await new Promise((resolve) => setImmediate(resolve))
      slow = false
      await convertSpots(received, response)
    })
    await api.post(v1, aSpot('there', 'v1', { hostPort: 'a:1' }))
    const watch = await api.watch(`${v2}?watch=true`)
    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:1' }))
    await api.patch(`${v1}/one`, 'merge', { spec: { hostPort: 'a:2' } })
    await api.post(v2, aSpot('two', 'v2', { host: 'b', port: '3' }))
    await api.delete(`${v1}/one`)

    const seen: string[] = []
    while (seen.length < 5) {
      const event = await watch.next()
      if (!event) break
      const { apiVersion, metadata, spec } = event.object
      seen.push(`${event.type} ${apiVersion.split('/')[1]} ${metadata.name} ${spec.port}`)
    }
    watch.close()

    expect(seen).toEqual([
      'ADDED v2 there 1',
      'ADDED v2 one 1',
      'MODIFIED v2 one 2',
      'ADDED v2 two 3',
      'DELETED v2 one 2',
    ])
  })

  test('are converted once for many watchers', async () => {
    const watches = await Promise.all([1, 2, 3].map(() => api.watch(`${v2}?watch=true`)))

    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:1' }))
    const events = await Promise.all(watches.map((watch) => watch.next()))
    for (const watch of watches) watch.close()

    expect(events.map((event) => event?.object.spec.host)).toEqual(['a', 'a', 'a'])
    expect(batches()).toEqual([['one']])
  })
})

describe('a conversion webhook that fails', () => {
  test('fails what needs it, with its reason, and nothing else', async () => {
    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:80' }))
    webhook.respond(answering('gone fishing', 503))

    const read = await api.get(`${v2}/one`)
    const written = await api.post(v2, aSpot('two', 'v2', { host: 'b', port: '1' }))

    const why = 'failed: the server is currently unable to handle the request'
    expect([read.code, read.body]).toEqual([
      500,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: `conversion webhook for convert.example.org/v1, Kind=Spot ${why}`,
        code: 500,
      },
    ])
    expect(written.body.message).toBe(`conversion webhook for convert.example.org/v2, Kind=Spot ${why}`)
    expect((await api.get(v2)).code).toBe(500)
    expect((await api.get(`${v1}/one`)).code).toBe(200)
    expect((await api.delete(`${v1}/one`)).code).toBe(200)
  })

  test('ends watches with an error', async () => {
    const watch = await api.watch(`${v2}?watch=true`)
    webhook.respond(answering('broken', 500))

    await api.post(v1, aSpot('one', 'v1', { hostPort: 'a:80' }))

    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 500 } })
    expect(await watch.next()).toBeUndefined()
  })
})

describe('a new storage version', () => {
  test('is what writes use from then on, and a write without a change brings old objects up to date', async () => {
    await api.post(v1, aSpot('old', 'v1', { hostPort: 'a:80' }))
    const watch = await api.watch(`${v1}?watch=true`)
    expect((await watch.next())?.type).toBe('ADDED')

    await changeCrd({ storage: 'v2' })

    expect(await watch.next(), 'clients watch again what is served now').toBeUndefined()
    expect(await storedVersion('old')).toBe('convert.example.org/v1')
    const { body: old } = await api.get(`${v1}/old`)
    expect((await api.put(`${v1}/old`, old)).code).toBe(200)
    expect(await storedVersion('old')).toBe('convert.example.org/v2')
    expect((await api.get(`${v1}/old`)).body.spec).toEqual({ hostPort: 'a:80' })
  })

  test('keeps the old one in storedVersions, which has to stay until somebody has migrated', async () => {
    await changeCrd({ storage: 'v2' })
    expect((await api.get(crdPath)).body.status.storedVersions).toEqual(['v1', 'v2'])

    const tooEarly = await changeCrd({ storage: 'v2', versions: ['v2'] }, 422)
    await api.patch(`${crdPath}/status`, 'merge', { status: { storedVersions: ['v2'] } })
    await changeCrd({ storage: 'v2', versions: ['v2'] })

    expect(tooEarly.message).toContain(
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version',
    )
    await vi.waitUntil(async () => (await api.get(v1)).code === 404)
  })

  async function changeCrd(change: { storage: string; versions?: string[] }, expected = 200) {
    const { body: current } = await api.get(crdPath)
    const { spec } = spotCrd(webhook, change) as { spec: object }
    const { code, body } = await api.put(crdPath, { ...current, spec })
    expect(code).toBe(expected)
    if (expected === 200) {
      await vi.waitUntil(async () => {
        const groups = await api.get('/apis/convert.example.org')
        return groups.body.versions.length === (change.versions ?? ['v1', 'v2']).length
      })
    }
    return body
  }
})
