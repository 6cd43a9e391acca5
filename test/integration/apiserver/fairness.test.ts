import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { startHttpsWebhook } from '../../support/https-webhook.ts'
import { ApiClient, type ApiAnswer, type ApiBody } from './api-client.ts'
import { aSpot, convertSpots, spotCrd, spotsPath } from './spot.ts'

let server: TestApiServer
let api: ApiClient
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  api.close()
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await server.close()
})

async function start(flags: Record<string, string | number> = {}): Promise<void> {
  server = await startTestApiServer({ flags })
  api = new ApiClient(server)
}

const group = '/apis/flowcontrol.apiserver.k8s.io/v1'
const schemas = `${group}/flowschemas`
const levels = `${group}/prioritylevelconfigurations`
const configMaps = '/api/v1/namespaces/default/configmaps'

describe('the configuration', () => {
  test('is there from the start, and every schema has found its level', async () => {
    await start()

    const { body: schemaList } = await api.get(schemas)
    const { body: levelList } = await api.get(levels)

    expect(levelList.items.map((level: ApiBody) => level.metadata.name)).toEqual([
      'catch-all',
      'exempt',
      'global-default',
      'leader-election',
      'node-high',
      'system',
      'workload-high',
      'workload-low',
    ])
    const dangling = schemaList.items.map((schema: ApiBody) => [
      schema.metadata.name,
      schema.status?.conditions?.[0]?.status,
    ])
    expect(dangling).toContainEqual(['system-node-high', 'False'])
    expect(dangling.every(([, status]: string[]) => status === 'False')).toBe(true)
  })

  test('cannot lose or change what has to be there', async () => {
    await start()
    const { body: original } = await api.get(`${schemas}/catch-all`)

    const changed = await api.patch(`${schemas}/catch-all`, 'merge', { spec: { matchingPrecedence: 5 } })

    expect([changed.code, changed.body.message]).toEqual([
      422,
      expect.stringContaining("spec of 'catch-all' must equal the fixed value"),
    ])
    expect(original.spec.matchingPrecedence).toBe(10_000)
  })

  test.each([
    [{ matchingPrecedence: 0 }, 'spec.matchingPrecedence: Invalid value: 0: must be a positive value'],
    [
      { matchingPrecedence: 1 },
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ],
    [
      { rules: [{ subjects: [{ kind: 'User', user: { name: 'me' } }] }] },
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ],
    [
      {
        rules: [
          { subjects: [{ kind: 'User' }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] },
        ],
      },
      "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
    ],
  ])('is checked: %j', async (change, expected) => {
    await start()

    const { code, body } = await api.post(schemas, flowSchema('mine', { ...change }))

    expect([code, body.message]).toEqual([
      422,
      `FlowSchema.flowcontrol.apiserver.k8s.io "mine" is invalid: ${expected}`,
    ])
  })
})

function flowSchema(name: string, spec: object, level = 'tiny'): object {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name },
    spec: { priorityLevelConfiguration: { name: level }, matchingPrecedence: 50, rules: [], ...spec },
  }
}

async function tokens(lines: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-tokens-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'tokens.csv')
  await writeFile(path, lines)
  return path
}

describe('requests', () => {
  test('say which schema and level they were sorted into', async () => {
    await start({
      'authorization-mode': 'AlwaysAllow',
      'token-auth-file': await tokens('secret,host-1,1,"system:nodes"\nother,joe,2\n'),
    })
    const uidOf = async (path: string) => (await api.get(path)).body.metadata.uid

    const lease = await api.get('/apis/coordination.k8s.io/v1/namespaces/default/leases/x', {
      as: { token: 'secret' },
    })
    const list = await api.get(configMaps, { as: { token: 'other' } })

    expect(lease.headers['x-kubernetes-pf-flowschema-uid']).toBe(await uidOf(`${schemas}/system-node-high`))
    expect(lease.headers['x-kubernetes-pf-prioritylevel-uid']).toBe(await uidOf(`${levels}/node-high`))
    expect(list.headers['x-kubernetes-pf-flowschema-uid']).toBe(await uidOf(`${schemas}/global-default`))
    expect((await api.get('/metrics')).text).toContain(
      'apiserver_flowcontrol_dispatched_requests_total{priority_level="node-high",flow_schema="system-node-high"} 1',
    )
  })

  test('beyond a level that rejects are answered 429 with a time to come back', async () => {
    await start({ 'authorization-mode': 'AlwaysAllow', 'token-auth-file': await tokens('other,joe,2\n') })
    await serveTinyLevel({ type: 'Reject' })
    const { letGo, started } = await serveSlowReads()

    const first = api.get(slowPath, joe)
    await started()
    const refused = await api.get(slowPath, joe)
    letGo()

    expect([refused.code, refused.headers['retry-after']]).toEqual([429, '1'])
    expect(refused.body).toMatchObject({ kind: 'Status', reason: 'TooManyRequests' })
    expect((await first).code).toBe(200)
    expect((await api.get('/metrics')).text).toContain(
      'rejected_requests_total{priority_level="tiny",flow_schema="tiny",reason="concurrency-limit"} 1',
    )
  })

  test('of a noisy client leave room for the lease renewals of hosts', async () => {
    await start({
      'authorization-mode': 'AlwaysAllow',
      'max-requests-inflight': 20,
      'max-mutating-requests-inflight': 20,
      'token-auth-file': await tokens('secret,system:node:host-1,1,"system:nodes"\nother,joe,2\n'),
    })
    const { letGo, started } = await serveSlowReads()
    // Many times what the server works on at a time, and more than joe's queues hold.
    const noise = Array.from({ length: 340 }, () => api.get(slowPath, joe))
    await started()
    const refused = await Promise.any(noise.map(async (one) => expectCode(await one, 429)))

    const renewals: number[] = []
    const node = { as: { token: 'secret' } }
    renewals.push((await api.post(leases, lease, node)).code)
    for (let round = 0; round < 20; round++) {
      const spec = { leaseTransitions: round }
      renewals.push((await api.patch(`${leases}/host-1`, 'merge', { spec }, node)).code)
    }
    letGo()
    const codes = (await Promise.all(noise)).map(({ code }) => code)

    expect(refused.headers['retry-after']).toBe('1')
    expect(renewals).toEqual([201, ...Array.from({ length: 20 }, () => 200)])
    expect(codes.filter((code) => code === 200).length).toBeGreaterThan(100)
    expect(codes.every((code) => code === 200 || code === 429)).toBe(true)
  })

  const joe = { as: { token: 'other' } }
  const slowPath = `${spotsPath('v2')}/slow`
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'host-1' },
    spec: { holderIdentity: 'host-1', leaseDurationSeconds: 40 },
  }

  function expectCode(answer: ApiAnswer, code: number): ApiAnswer {
    if (answer.code !== code) throw new Error(`the answer was ${answer.code}`)
    return answer
  }

  /** An object whose reading takes until it is let go. */
  async function serveSlowReads(): Promise<{ letGo: () => void; started: () => Promise<void> }> {
    const gate = Promise.withResolvers<void>()
    const webhook = await startHttpsWebhook(async (received, response) => {
      await gate.promise
      await convertSpots(received, response)
    })
    cleanups.push(() => webhook.close())
    await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', spotCrd(webhook))
    await vi.waitUntil(async () => (await api.get(spotsPath('v1'))).code === 200)
    await api.post(spotsPath('v1'), aSpot('slow', 'v1', { hostPort: 'a:1' }))
    return {
      letGo: () => gate.resolve(),
      started: () => vi.waitUntil(() => webhook.received.length > 0, { timeout: 20_000 }).then(() => {}),
    }
  }

  test('are not sorted when that is switched off', async () => {
    await start({ 'enable-priority-and-fairness': 'false' })

    const { headers } = await api.get(configMaps)

    expect(headers['x-kubernetes-pf-flowschema-uid']).toBeUndefined()
  })

  async function serveTinyLevel(limitResponse: object): Promise<void> {
    await api.post(levels, {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
      kind: 'PriorityLevelConfiguration',
      metadata: { name: 'tiny' },
      spec: {
        type: 'Limited',
        limited: { nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse },
      },
    })
    const rules = [
      {
        subjects: [{ kind: 'User', user: { name: 'joe' } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] }],
      },
    ]
    const { body } = await api.post(schemas, flowSchema('tiny', { rules }))
    await vi.waitUntil(async () => {
      const { headers } = await api.get(`${configMaps}?limit=1`, { as: { token: 'other' } })
      return headers['x-kubernetes-pf-flowschema-uid'] === body.metadata.uid
    })
  }
})
