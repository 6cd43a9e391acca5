import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { etcdStorage } from '../../../apiserver/storage/etcd/etcd-storage.ts'
import type { Storage, StorageEvent } from '../../../apiserver/storage/storage.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startEtcd, type EtcdServer } from '../../support/etcd.ts'
import { ApiClient } from './api-client.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

/*
 * Each API server collects garbage, empties namespaces and publishes custom kinds by itself. Several of them on one
 * etcd must not fight over what they write, or do anything twice that shows.
 */
const crdsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const configMaps = (namespace: string) => `/api/v1/namespaces/${namespace}/configmaps`

let etcd: EtcdServer
let storage: Storage
let servers: TestApiServer[]
let clients: ApiClient[]
const happened: StorageEvent[] = []
const mistakes: string[] = []
const stop = new AbortController()
let watching: Promise<void>

const log: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => void mistakes.push(`${message} ${JSON.stringify(fields)}`),
  error: (message, fields) => void mistakes.push(`${message} ${JSON.stringify(fields)}`),
  child: () => log,
}

beforeAll(async () => {
  etcd = await startEtcd()
  storage = etcdStorage({ endpoints: etcd.endpoints, clock: systemClock })
  watching = (async () => {
    for await (const batch of storage.watch('/registry/', 0, stop.signal)) happened.push(...batch.events)
  })()
  const options = {
    storage: { endpoints: etcd.endpoints },
    installCrds: 'crds',
    flags: { controllers: '*' },
    log,
  }
  servers = await Promise.all([startTestApiServer(options), startTestApiServer(options)])
  clients = servers.map((server) => new ApiClient(server))
}, 120_000)

afterAll(async () => {
  for (const client of clients) client.close()
  stop.abort()
  await Promise.all([...servers.map((server) => server.close()), watching])
  await storage.close()
  await etcd.stop()
})

function client(index: number): ApiClient {
  const found = clients[index]
  if (!found) throw new Error(`there is no server ${index}`)
  return found
}

/** How often each key that starts so was written and deleted so far. */
function counts(prefix: string): Map<string, { puts: number; deletes: number }> {
  const found = new Map<string, { puts: number; deletes: number }>()
  for (const { key, type } of happened) {
    if (!key.startsWith(prefix)) continue
    const { puts, deletes } = found.get(key) ?? { puts: 0, deletes: 0 }
    found.set(key, type === 'put' ? { puts: puts + 1, deletes } : { puts, deletes: deletes + 1 })
  }
  return found
}

async function uidOf(path: string): Promise<string> {
  const { body } = await client(0).get(path)
  return String(body.metadata.uid)
}

test('what loses its owner is deleted once, in the background and in the foreground', async () => {
  for (const policy of ['Background', 'Foreground']) {
    const name = policy.toLowerCase()
    const path = configMaps('default')
    const metadata = { name: `owner-${name}` }
    await client(0).post(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata })
    const uid = await uidOf(`${path}/owner-${name}`)
    const owner = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: `owner-${name}`,
      uid,
      blockOwnerDeletion: true,
    }
    for (let index = 0; index < 30; index++) {
      const dependent = { name: `of-${name}-${index}`, ownerReferences: [owner] }
      await client(index % 2).post(path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: dependent })
    }

    await client(1).delete(`${path}/owner-${name}`, {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: policy,
    })

    const dependents = `/registry/configmaps/default/of-${name}-`
    const gone = () => [...counts(dependents).values()].filter(({ deletes }) => deletes > 0).length
    await vi.waitUntil(() => gone() === 30, { timeout: 30_000 })
    const ownerKey = `/registry/configmaps/default/owner-${name}`
    await vi.waitUntil(() => counts(ownerKey).get(ownerKey)?.deletes === 1, { timeout: 30_000 })
    for (const { puts, deletes } of counts(dependents).values()) {
      expect(deletes).toBe(1)
      expect(puts).toBeLessThanOrEqual(2)
    }
  }
})

test('a namespace is emptied once', async () => {
  await client(0).post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shortlived' },
  })
  for (let index = 0; index < 30; index++) {
    const metadata = { name: `in-${index}` }
    const answer = await client(index % 2).post(configMaps('shortlived'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
    })
    expect(answer.code).toBe(201)
  }

  await client(1).delete('/api/v1/namespaces/shortlived')

  const namespace = () => counts('/registry/namespaces/shortlived').get('/registry/namespaces/shortlived')
  await vi.waitUntil(() => namespace()?.deletes === 1, { timeout: 30_000 })
  for (const { deletes } of counts('/registry/configmaps/shortlived/in-').values()) expect(deletes).toBe(1)
  // Created, marked, and conditions once or twice by each.
  expect(namespace()?.puts).toBeLessThanOrEqual(8)
})

test('a custom kind is published by one, and comes and goes with its objects on both', async () => {
  await client(0).post(crdsPath, widgetCrd)
  for (const one of clients) await vi.waitUntil(async () => (await one.get(widgetsPath)).code === 200)
  for (let index = 0; index < 20; index++) {
    expect((await client(index % 2).post(widgetsPath, aWidget(`one-${index}`))).code).toBe(201)
  }

  await client(1).delete(`${crdsPath}/${widgetCrd.metadata.name}`)

  for (const one of clients) await vi.waitUntil(async () => (await one.get(widgetsPath)).code === 404)
  const key = `/registry/apiextensions.k8s.io/customresourcedefinitions/${widgetCrd.metadata.name}`
  await vi.waitUntil(() => counts(key).get(key)?.deletes === 1, { timeout: 30_000 })
  for (const { deletes } of counts('/registry/test.example.org/widgets/').values()) expect(deletes).toBe(1)
})

test('nothing is written back and forth, and nothing went wrong', async () => {
  // By now both have had the time of all tests above to write over each other.
  const busiest = [...counts('/registry/')].toSorted(([, one], [, other]) => other.puts - one.puts)
  expect(busiest.slice(0, 5).filter(([, { puts }]) => puts > 12)).toEqual([])
  expect(mistakes.filter((line) => !line.startsWith('Old etcd server'))).toEqual([])
})
