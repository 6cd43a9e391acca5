import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { ApiClient } from './api-client.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

let etcd: EtcdServer
let servers: TestApiServer[]
let clients: ApiClient[]

const path = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })
const client = (index: number): ApiClient => {
  const found = clients[index]
  if (!found) throw new Error(`there is no server ${index}`)
  return found
}

beforeAll(async () => {
  etcd = await startEtcd()
  const storage = { endpoints: etcd.endpoints }
  servers = await Promise.all([startTestApiServer({ storage }), startTestApiServer({ storage })])
  clients = servers.map((server) => new ApiClient(server))
})

afterAll(async () => {
  for (const one of clients) one.close()
  await Promise.all(servers.map((server) => server.close()))
  await etcd.stop()
})

test('what one server has written, the other reads at once', async () => {
  for (let index = 0; index < 20; index++) {
    expect((await client(index % 2).post(path, configMap(`shared-${index}`))).code).toBe(201)
    expect((await client((index + 1) % 2).get(`${path}/shared-${index}`)).code).toBe(200)
    expect((await client((index + 1) % 2).get(path)).body.items).toHaveLength(index + 1)
  }
})

test('writers on both servers count without losing one', async () => {
  await client(0).post(path, configMap('counter'))
  const increment = async (server: number): Promise<void> => {
    for (;;) {
      const { body } = await client(server).get(`${path}/counter`)
      const count = Number(body.data?.count ?? 0) + 1
      const { code } = await client(server).put(`${path}/counter`, {
        ...body,
        data: { count: String(count) },
      })
      if (code === 200) return
      expect(code).toBe(409)
    }
  }
  await Promise.all(Array.from({ length: 40 }, (_, index) => increment(index % 2)))
  expect((await client(0).get(`${path}/counter`)).body.data).toEqual({ count: '40' })
})

test('patches without a version never conflict', async () => {
  const codes = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const patch = { data: { [`k${index}`]: '1' } }
      return (await client(index % 2).patch(`${path}/counter`, 'merge', patch)).code
    }),
  )
  expect(new Set(codes)).toEqual(new Set([200]))
  expect(Object.keys((await client(0).get(`${path}/counter`)).body.data)).toHaveLength(41)
})

test('a kind defined through one server is served by the other', async () => {
  await client(0).post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)
  await vi.waitUntil(async () => (await client(1).get(widgetsPath)).code === 200)
  expect((await client(1).post(widgetsPath, aWidget('one'))).code).toBe(201)
})

test('a watch goes on at another server, and after a restart, without a gap or a repeat', async () => {
  const { body: list } = await client(0).get(path)
  const names = Array.from({ length: 10 }, (_, index) => `resumed-${index}`)
  const first = await client(0).watch(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`)
  await client(1).post(path, configMap(names[0] ?? ''))
  const seen = await first.next()
  first.close()
  for (const name of names.slice(1)) await client(1).post(path, configMap(name))
  const restarted = await startTestApiServer({ storage: { endpoints: etcd.endpoints } })
  const fresh = new ApiClient(restarted)
  for (const other of [client(1), fresh]) {
    const watch = await other.watch(
      `${path}?watch=1&resourceVersion=${seen?.object.metadata.resourceVersion}`,
    )
    expect(await watch.names(9)).toEqual(names.slice(1).map((name) => `ADDED ${name}`))
    watch.close()
  }
  fresh.close()
  await restarted.close()
})

test('a restart of etcd is survived', async () => {
  const { body: list } = await client(0).get(path)
  const watch = await client(0).watch(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`)
  await etcd.kill()
  const written = client(0).post(path, configMap('through-it-all'))
  await etcd.restart()
  expect((await written).code).toBe(201)
  expect(await watch.names(1)).toEqual(['ADDED through-it-all'])
  expect((await client(1).get(`${path}/through-it-all`)).code).toBe(200)
  watch.close()
})

test('objects lie in etcd as kube-apiserver would put them', async () => {
  const { storage } = servers[0] ?? {}
  const { item } = (await storage?.get('/registry/configmaps/default/counter')) ?? {}
  const stored = JSON.parse(item?.value.toString() ?? '{}') as {
    metadata: object
    kind: string
    apiVersion: string
  }
  expect([stored.apiVersion, stored.kind]).toEqual(['v1', 'ConfigMap'])
  expect(stored.metadata).not.toHaveProperty('resourceVersion')
  const keys = (await storage?.list('/registry/'))?.items.map(({ key }) => key)
  expect(keys).toEqual(
    expect.arrayContaining([
      '/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.test.example.org',
      '/registry/clusterroles/cluster-admin',
      '/registry/namespaces/default',
      '/registry/test.example.org/widgets/default/one',
    ]),
  )
})
