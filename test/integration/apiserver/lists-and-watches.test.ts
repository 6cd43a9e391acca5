import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'

let server: TestApiServer
let api: ApiClient

const path = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
})
const namesOf = (list: { items: { metadata: { name: string } }[] }) =>
  list.items.map(({ metadata }) => metadata.name)

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd' })
  api = new ApiClient(server)
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await api.post(path, configMap(name, { first: String(name === 'a') }))
})

afterAll(async () => {
  api.close()
  await server.close()
})

describe('lists', () => {
  test('come in pages that show one state, whatever happens in between', async () => {
    const { body: first } = await api.get(`${path}?limit=2`)
    expect(namesOf(first)).toEqual(['a', 'b'])
    expect(first.metadata.remainingItemCount).toBe(3)
    await api.post(path, configMap('bb'))
    await api.delete(`${path}/d`)
    const { body: second } = await api.get(`${path}?limit=2&continue=${first.metadata.continue}`)
    expect(namesOf(second)).toEqual(['c', 'd'])
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
    const { body: third } = await api.get(`${path}?limit=2&continue=${second.metadata.continue}`)
    expect([namesOf(third), third.metadata.continue]).toEqual([['e'], undefined])
    await api.post(path, configMap('d'))
    await api.delete(`${path}/bb`)
  })

  test('show an exact version of the past', async () => {
    const { body: before } = await api.get(path)
    await api.post(path, configMap('z'))
    const { body } = await api.get(
      `${path}?resourceVersion=${before.metadata.resourceVersion}&resourceVersionMatch=Exact`,
    )
    expect(namesOf(body)).toEqual(namesOf(before))
    await api.delete(`${path}/z`)
  })

  test('count what is selected', async () => {
    expect(namesOf((await api.get(`${path}?labelSelector=first%3Dtrue`)).body)).toEqual(['a'])
    expect(namesOf((await api.get(`${path}?labelSelector=first%20notin%20(true)&limit=2`)).body)).toEqual([
      'b',
      'c',
    ])
    expect(namesOf((await api.get(`${path}?fieldSelector=metadata.name%3Dc`)).body)).toEqual(['c'])
    expect(
      namesOf((await api.get(`${path}?fieldSelector=metadata.name!%3Dc,metadata.namespace%3Ddefault`)).body),
    ).not.toContain('c')
  })

  test('are metadata alone when that is asked for', async () => {
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
    const { body } = await api.get(path, { headers: { accept } })
    expect([body.kind, body.items[0].kind, body.items[0].metadata.name]).toEqual([
      'PartialObjectMetadataList',
      'PartialObjectMetadata',
      'a',
    ])
  })

  test.each([
    ['continue=nonsense', 400, 'continue key is not valid: it cannot be decoded'],
    ['continue=e30', 400, 'continue key is not valid: it has an unknown version'],
    ['labelSelector=a%3D%3D%3Db', 400, expect.stringContaining('unable to parse requirement')],
    [
      'fieldSelector=spec.x%3D1',
      400,
      '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [
      'resourceVersionMatch=Exact',
      422,
      expect.stringContaining('resourceVersionMatch is forbidden unless resourceVersion is provided'),
    ],
    [
      'resourceVersion=0&resourceVersionMatch=Exact',
      422,
      expect.stringContaining('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'),
    ],
    ['sendInitialEvents=true', 422, expect.stringContaining('sendInitialEvents is forbidden for list')],
    ['limit=many', 400, expect.stringContaining('invalid syntax')],
  ])('refuse %s', async (query, code, message) => {
    const answer = await api.get(`${path}?${query}`)
    expect([answer.code, answer.body.message]).toEqual([code, message])
  })

  test('of a version from the future time out with the reason', async () => {
    const { code, body } = await api.get(`${path}?resourceVersion=999999999&timeout=1s`)
    expect([code, body.reason]).toEqual([504, 'Timeout'])
  })

  test('past a compaction end with 410 and a way on', async () => {
    const small = await startTestApiServer({ storage: { endpoints: server.etcd?.endpoints ?? [] } })
    const other = new ApiClient(small)
    const { body: first } = await api.get(`${path}?limit=2`)
    await api.post(path, configMap('later'))
    await server.storage.compact(await server.storage.currentRevision())
    // The server that gave the first page still has it; another one does not.
    const { code, body } = await other.get(`${path}?limit=2&continue=${first.metadata.continue}`)
    expect([code, body.reason]).toEqual([410, 'Expired'])
    const rest = await other.get(`${path}?limit=10&continue=${body.metadata.continue}`)
    expect(namesOf(rest.body)).toEqual(['c', 'd', 'e', 'later'])
    await api.delete(`${path}/later`)
    other.close()
    await small.close()
  })
})

describe('watches', () => {
  test('without a version show what is there, then what happens', async () => {
    const watch = await api.watch(`${path}?watch=true`)
    expect(await watch.names(5)).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'ADDED d', 'ADDED e'])
    await api.post(path, configMap('w1'))
    await api.patch(`${path}/w1`, 'merge', { data: { x: '1' } })
    await api.delete(`${path}/w1`)
    expect(await watch.names(3)).toEqual(['ADDED w1', 'MODIFIED w1', 'DELETED w1'])
    watch.close()
  })

  test('from a version replay what came after it, with growing versions', async () => {
    const { body: list } = await api.get(path)
    await api.post(path, configMap('w2'))
    await api.delete(`${path}/w2`)
    const watch = await api.watch(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`)
    const [added, deleted] = [await watch.next(), await watch.next()]
    expect([added?.type, deleted?.type]).toEqual(['ADDED', 'DELETED'])
    expect(Number(deleted?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(added?.object.metadata.resourceVersion),
    )
    watch.close()
  })

  test('with a selector show objects appear and disappear', async () => {
    const { body: list } = await api.get(path)
    const watch = await api.watch(
      `${path}?watch=1&labelSelector=on%3Dyes&resourceVersion=${list.metadata.resourceVersion}`,
    )
    await api.post(path, configMap('w3'))
    await api.patch(`${path}/w3`, 'merge', { metadata: { labels: { on: 'yes' } } })
    await api.patch(`${path}/w3`, 'merge', { data: { x: '1' } })
    const { body: last } = await api.patch(`${path}/w3`, 'merge', { metadata: { labels: { on: 'no' } } })
    expect(await watch.names(2)).toEqual(['ADDED w3', 'MODIFIED w3'])
    const gone = await watch.next()
    expect([gone?.type, gone?.object.metadata.labels.on]).toEqual(['DELETED', 'yes'])
    expect(gone?.object.metadata.resourceVersion).toBe(last.metadata.resourceVersion)
    await api.delete(`${path}/w3`)
    watch.close()
  })

  test('send initial events and say when they have', async () => {
    const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const watch = await api.watch(`${path}?${query}`)
    expect(await watch.names(5)).toHaveLength(5)
    const bookmark = await watch.next()
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    })
    watch.close()
    const refused = await api.get(`${path}?watch=1&sendInitialEvents=true`)
    expect(refused.code).toBe(422)
  })

  test('end after their time, with a last bookmark', async () => {
    const watch = await api.watch(
      `${path}?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=3`,
    )
    expect(await watch.names(5)).toHaveLength(5)
    expect((await watch.next())?.type).toBe('BOOKMARK')
    expect(await watch.next()).toBeUndefined()
  })

  test('from a version that is gone say so in an event', async () => {
    await server.storage.compact(await server.storage.currentRevision())
    const late = await startTestApiServer({ storage: { endpoints: server.etcd?.endpoints ?? [] } })
    const client = new ApiClient(late)
    const watch = await client.watch(`${path}?watch=1&resourceVersion=2`)
    const event = await watch.next()
    expect(event).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
    expect(await watch.next()).toBeUndefined()
    client.close()
    await late.close()
  })

  test('are tables for those who ask', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const response = await api.open('GET', `${path}?watch=1&fieldSelector=metadata.name%3Da`, {
      headers: { accept },
    })
    const [line] = await new Promise<string[]>((resolve) => {
      response.setEncoding('utf8').once('data', (text: string) => resolve(text.split('\n')))
    })
    const event = JSON.parse(line ?? '') as { object: { kind: string; rows: { cells: unknown[] }[] } }
    expect([event.object.kind, event.object.rows[0]?.cells.slice(0, 2)]).toEqual(['Table', ['a', 0]])
    response.destroy()
  })

  test('over one connection all see the same order', async () => {
    const { body: list } = await api.get(path)
    const watches = await Promise.all(
      Array.from({ length: 20 }, () =>
        api.watch(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`),
      ),
    )
    await Promise.all(Array.from({ length: 30 }, (_, index) => api.post(path, configMap(`many-${index}`))))
    const seen = await Promise.all(watches.map((watch) => watch.names(30)))
    for (const names of seen) expect(names).toEqual(seen[0])
    expect(new Set(seen[0]).size).toBe(30)
    for (const watch of watches) watch.close()
    await api.delete(`${path}?fieldSelector=metadata.name!%3Da`)
  })

  test('end in order when the server stops', async () => {
    const other = await startTestApiServer()
    const client = new ApiClient(other)
    const watch = await client.watch(`${path}?watch=1&resourceVersion=0`)
    await other.close()
    expect(await watch.next()).toBeUndefined()
    expect(watch.response.complete).toBe(true)
    client.close()
  })
})
