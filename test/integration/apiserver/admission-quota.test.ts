import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'

let server: TestApiServer
let other: TestApiServer
let api: ApiClient
let otherApi: ApiClient

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd', installCrds: 'crds' })
  other = await startTestApiServer({ storage: { endpoints: server.etcd?.endpoints ?? [] } })
  api = new ApiClient(server)
  otherApi = new ApiClient(other)
  await vi.waitUntil(
    async () => (await api.get('/apis/kvorum.dev/v1alpha1/virtualmachines')).code === 200,
    20_000,
  )
})

afterAll(async () => {
  api.close()
  otherApi.close()
  await other.close()
  await server.close()
})

/** A namespace with a quota whose limits are in force on both servers. */
async function limited(name: string, hard: Record<string, string>): Promise<void> {
  await api.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await api.post(`/api/v1/namespaces/${name}/resourcequotas`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'limits' },
    spec: { hard },
  })
  for (const client of [api, otherApi]) {
    await vi.waitUntil(
      async () =>
        Object.keys((await quota(name, client))?.status?.used ?? {}).length === Object.keys(hard).length,
      { timeout: 20_000 },
    )
  }
}

const quota = async (namespace: string, client = api) =>
  (await client.get(`/api/v1/namespaces/${namespace}/resourcequotas/limits`)).body

async function whenUsed(namespace: string, used: Record<string, string>): Promise<void> {
  await expect.poll(async () => (await quota(namespace)).status.used, { timeout: 30_000 }).toMatchObject(used)
}

const leasesOf = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
const aLease = (name: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } })

const machinesOf = (namespace: string) => `/apis/kvorum.dev/v1alpha1/namespaces/${namespace}/virtualmachines`

function aMachine(name: string, { cores = 1, memory = '1Gi', power = 'Running' } = {}): object {
  return {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name },
    spec: { power, cpu: { cores }, memory: { size: memory } },
  }
}

describe('object counts', () => {
  test('are limited, and come back when objects go', async () => {
    await limited('counted', { 'count/leases.coordination.k8s.io': '2' })
    const leases = leasesOf('counted')
    for (const name of ['a', 'b']) expect((await api.post(leases, aLease(name))).code).toBe(201)
    const refused = await api.post(leases, aLease('c'))
    expect(refused.body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'leases.coordination.k8s.io "c" is forbidden: exceeded quota: limits, ' +
        'requested: count/leases.coordination.k8s.io=1, used: count/leases.coordination.k8s.io=2, ' +
        'limited: count/leases.coordination.k8s.io=2',
    })
    expect((await api.post(`${leases}?dryRun=All`, aLease('c'))).code).toBe(403)
    await api.delete(`${leases}/a`)
    await whenUsed('counted', { 'count/leases.coordination.k8s.io': '1' })
    expect((await api.post(leases, aLease('c'))).code).toBe(201)
  })

  test('take no part in dry runs, and forget what failed', async () => {
    await limited('forgotten', { 'count/leases.coordination.k8s.io': '3' })
    const leases = leasesOf('forgotten')
    await api.post(leases, aLease('a'))
    await api.post(`${leases}?dryRun=All`, aLease('b'))
    expect((await quota('forgotten')).status.used['count/leases.coordination.k8s.io']).toBe('1')
    // Charged, and then found to exist.
    expect((await api.post(leases, aLease('a'))).code).toBe(409)
    await whenUsed('forgotten', { 'count/leases.coordination.k8s.io': '1' })
  })

  test('are never exceeded by many writers on two servers', async () => {
    await limited('crowded', { 'count/leases.coordination.k8s.io': '10' })
    const leases = leasesOf('crowded')
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        (index % 2 === 0 ? api : otherApi).post(leases, aLease(`lease-${index}`)),
      ),
    )
    const codes = answers.map(({ code }) => code)
    expect(codes.filter((code) => code === 201)).toHaveLength(10)
    expect(codes.filter((code) => code === 403)).toHaveLength(50)
    expect((await api.get(leases)).body.items).toHaveLength(10)
    await whenUsed('crowded', { 'count/leases.coordination.k8s.io': '10' })
  })

  test('stay within limits while objects come and go', async () => {
    await limited('churn', { 'count/leases.coordination.k8s.io': '5' })
    const leases = leasesOf('churn')
    const worker = async (client: ApiClient, id: number) => {
      for (let round = 0; round < 12; round++) {
        const name = `lease-${id}-${round}`
        const { code } = await client.post(leases, aLease(name))
        expect((await client.get(leases)).body.items.length).toBeLessThanOrEqual(5)
        if (code === 201) await client.delete(`${leases}/${name}`)
      }
    }
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((id) => worker(id % 2 === 0 ? api : otherApi, id)))
    await whenUsed('churn', { 'count/leases.coordination.k8s.io': '0' })
  })
})

describe('machines and disks', () => {
  test('take CPUs and memory while they are meant to run', async () => {
    await limited('machines', { 'requests.cpu': '4', memory: '4Gi', 'count/virtualmachines.kvorum.dev': '9' })
    const machines = machinesOf('machines')
    const first = await api.post(machines, aMachine('first', { cores: 3, memory: '2Gi' }))
    expect(first).toMatchObject({ code: 201 })
    expect((await quota('machines')).status.used).toEqual({
      'requests.cpu': '3',
      memory: '2Gi',
      'count/virtualmachines.kvorum.dev': '1',
    })
    const second = await api.post(machines, aMachine('second', { cores: 2, memory: '3Gi' }))
    expect(second.body.message).toContain(
      'exceeded quota: limits, requested: memory=3Gi,requests.cpu=2, used: memory=2Gi,requests.cpu=3, limited: memory=4Gi,requests.cpu=4',
    )
    expect((await api.post(machines, aMachine('second', { cores: 2, power: 'Stopped' }))).code).toBe(201)
    const start = { spec: { power: 'Running' } }
    expect((await api.patch(`${machines}/second`, 'merge', start)).code).toBe(403)
    const stopped = await api.patch(`${machines}/first`, 'merge', { spec: { power: 'Stopped' } })
    expect(stopped).toMatchObject({ code: 200 })
    await whenUsed('machines', { 'requests.cpu': '0', memory: '0', 'count/virtualmachines.kvorum.dev': '2' })
    expect((await api.patch(`${machines}/second`, 'merge', start)).code).toBe(200)
  })

  test('take storage, in all and by domain', async () => {
    await limited('disks', {
      'requests.storage': '100Gi',
      'fast.storagedomain.kvorum.dev/requests.storage': '10Gi',
    })
    const disks = '/apis/kvorum.dev/v1alpha1/namespaces/disks/disks'
    const aDisk = (name: string, size: string, domain: string) => ({
      apiVersion: 'kvorum.dev/v1alpha1',
      kind: 'Disk',
      metadata: { name },
      spec: { size, storageDomain: { name: domain } },
    })
    expect(await api.post(disks, aDisk('a', '60Gi', 'slow'))).toMatchObject({ code: 201 })
    expect((await api.post(disks, aDisk('b', '20Gi', 'fast'))).body.message).toContain(
      'requested: fast.storagedomain.kvorum.dev/requests.storage=20Gi, used: fast.storagedomain.kvorum.dev/requests.storage=0, limited: fast.storagedomain.kvorum.dev/requests.storage=10Gi',
    )
    const grown = await api.patch(`${disks}/a`, 'merge', { spec: { size: '120Gi' } })
    expect(grown.body.message).toContain('requested: requests.storage=60Gi, used: requests.storage=60Gi')
    await whenUsed('disks', {
      'requests.storage': '60Gi',
      'fast.storagedomain.kvorum.dev/requests.storage': '0',
    })
  })
})
