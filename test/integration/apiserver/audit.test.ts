import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient, type ApiBody } from './api-client.ts'
import { Kubectl } from './kubectl.ts'

const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  nonResourceURLs: ['/api*', /openapi*, /version]
- level: RequestResponse
  resources:
  - {group: '', resources: [secrets, serviceaccounts/token]}
  - {group: '', resources: [configmaps], resourceNames: [whole]}
- level: Request
  verbs: [create, update, patch, delete]
- level: Metadata
`

let directory = ''
let logPath = ''

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-audit-'))
  logPath = join(directory, 'audit.log')
  await writeFile(join(directory, 'policy.yaml'), policy)
  await writeFile(join(directory, 'tokens.csv'), 'ann-token,ann,,\n')
})

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

async function events(path = logPath): Promise<ApiBody[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ApiBody)
}

/** The newest event that `matches`, as soon as there is one. */
async function eventOf(matches: (event: ApiBody) => boolean): Promise<ApiBody> {
  await expect.poll(async () => (await events()).some(matches)).toBe(true)
  return (await events()).findLast(matches)
}

describe('an audit log by policy', () => {
  let server: TestApiServer
  let api: ApiClient
  let kubectl: Kubectl

  beforeAll(async () => {
    server = await startTestApiServer({
      storage: 'etcd',
      flags: {
        'audit-policy-file': join(directory, 'policy.yaml'),
        'audit-log-path': logPath,
        'token-auth-file': join(directory, 'tokens.csv'),
      },
    })
    api = new ApiClient(server)
    kubectl = new Kubectl(server)
  })

  afterAll(async () => {
    api?.close()
    kubectl?.close()
    await server?.close()
  })

  test('a change through kubectl is told with its difference', async () => {
    await kubectl.ok('create', 'configmap', 'one', '--from-literal=a=1')
    await kubectl.ok('patch', 'configmap', 'one', '--type=merge', '-p', '{"data":{"a":"2"}}')

    const created = await eventOf(({ verb, objectRef }) => verb === 'create' && objectRef?.name === 'one')
    expect(created).toMatchObject({
      stage: 'ResponseComplete',
      level: 'Request',
      user: { groups: expect.arrayContaining(['system:masters']) },
      objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' },
      requestObject: { data: { a: '1' } },
      responseStatus: { code: 201 },
      sourceIPs: ['127.0.0.1'],
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    })
    expect(created.userAgent).toContain('kubectl')
    expect(created).not.toHaveProperty('responseObject')
    const patched = await eventOf(({ verb, objectRef }) => verb === 'patch' && objectRef?.name === 'one')
    expect(patched.requestObject).toEqual({ data: { a: '2' } })
    expect(JSON.parse(patched.annotations['audit.kvorum.dev/diff'])).toEqual([
      { op: 'replace', path: '/data/a', old: '1', value: '2' },
    ])
  })

  test('server-side apply, deletion and a conflict are told', async () => {
    const path = '/api/v1/namespaces/default/configmaps/applied'
    const manifest = (a: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', data: { a } })
    await api.patch(`${path}?fieldManager=x`, 'apply', manifest('1'))
    await api.patch(`${path}?fieldManager=x`, 'apply', manifest('2'))
    await api.patch(`${path}?fieldManager=y`, 'apply', manifest('3'))
    await api.delete(path)

    const refused = await eventOf(({ responseStatus }) => responseStatus?.code === 409)
    expect(refused.responseStatus).toMatchObject({ reason: 'Conflict', status: 'Failure' })
    expect(refused.annotations).not.toHaveProperty('audit.kvorum.dev/diff')
    const applied = (await events()).filter(({ requestURI }) => requestURI === `${path}?fieldManager=x`)
    expect(applied[1].annotations['audit.kvorum.dev/diff']).toContain('"/data/a"')
    const deleted = await eventOf(({ verb, objectRef }) => verb === 'delete' && objectRef?.name === 'applied')
    expect(deleted.responseStatus).toMatchObject({ status: 'Success', code: 200 })
  })

  test('bodies of Secrets and tokens never get into the log', async () => {
    await kubectl.ok('create', 'secret', 'generic', 'hidden', '--from-literal=a=hidden-value')
    await kubectl.ok('patch', 'secret', 'hidden', '-p', '{"stringData":{"a":"hidden-other"}}')
    await kubectl.fails('patch', 'secret', 'hidden', '-p', '{"data":{"a":"unsayable"},"nothing":1}')
    await kubectl.ok('get', 'secret', 'hidden', '-o', 'yaml')
    await kubectl.ok('delete', 'secret', 'hidden')

    await eventOf(({ verb, objectRef }) => verb === 'delete' && objectRef?.name === 'hidden')
    const about = (await events()).filter(({ objectRef }) => objectRef?.resource === 'secrets')
    expect(about.length).toBeGreaterThanOrEqual(5)
    for (const event of about) {
      expect(event.level).toBe('Metadata')
      expect(event).not.toHaveProperty('requestObject')
      expect(event).not.toHaveProperty('responseObject')
    }
    const text = await readFile(logPath, 'utf8')
    for (const value of ['hidden-value', 'hidden-other', 'unsayable']) {
      expect(text).not.toContain(value)
      expect(text).not.toContain(Buffer.from(value).toString('base64'))
    }
  })

  test('answers are written where the policy wants them, lists too', async () => {
    await api.post('/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'whole' },
    })
    await api.get('/api/v1/namespaces/default/configmaps/whole')

    const read = await eventOf(({ verb, objectRef }) => verb === 'get' && objectRef?.name === 'whole')
    expect(read.responseObject).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'whole' } })
    expect(read.responseObject.metadata).not.toHaveProperty('managedFields')
  })

  test('refusals tell who was refused, and why', async () => {
    await api.get('/api/v1/secrets', { as: { token: 'ann-token' } })
    await api.get('/api/v1/secrets', { as: { token: 'wrong-token' } })

    const forbidden = await eventOf(({ responseStatus }) => responseStatus?.code === 403)
    expect(forbidden).toMatchObject({
      user: { username: 'ann' },
      annotations: { 'authorization.k8s.io/decision': 'forbid' },
      responseStatus: { reason: 'Forbidden' },
    })
    const unknown = await eventOf(({ responseStatus }) => responseStatus?.code === 401)
    expect(unknown.responseStatus.message).toBe('Authentication failed, attempted: bearer')
    expect(await readFile(logPath, 'utf8')).not.toContain('wrong-token')
  })

  test('acting as somebody else tells both', async () => {
    await kubectl.ok('get', 'namespaces', '--as=bob', '--as-group=system:masters')

    const acted = await eventOf(({ impersonatedUser }) => impersonatedUser?.username === 'bob')
    expect(acted.impersonatedUser.groups).toContain('system:masters')
    expect(acted.user.username).not.toBe('bob')
  })

  test('a watch is told when it starts and when it ends', async () => {
    await api.get('/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1')

    await eventOf(({ verb, stage }) => verb === 'watch' && stage === 'ResponseComplete')
    const stages = (await events()).filter(({ verb }) => verb === 'watch').map(({ stage }) => stage)
    expect(stages).toEqual(['ResponseStarted', 'ResponseComplete'])
  })

  test('metrics count events and losses', async () => {
    const { text } = await api.get('/metrics')
    expect(text).toMatch(/^apiserver_audit_event_total [1-9]/m)
    expect(text).toMatch(/^apiserver_audit_level_total\{level="Metadata"\} [1-9]/m)
    expect(text).toContain('apiserver_audit_error_total')
  })
})

describe('without a policy', () => {
  test('changes and refusals are written, to a webhook as well, and all of it when the server stops', async () => {
    const received: ApiBody[] = []
    const webhook = await listen(received)
    const { port } = webhook.address() as AddressInfo
    const config = join(directory, 'webhook.kubeconfig')
    await writeFile(config, webhookKubeconfig(`http://127.0.0.1:${port}/events`))
    const path = join(directory, 'default.log')
    const server = await startTestApiServer({
      flags: {
        'audit-log-path': path,
        'audit-webhook-config-file': config,
        'token-auth-file': join(directory, 'tokens.csv'),
      },
    })
    const api = new ApiClient(server)
    try {
      await api.get('/api/v1/namespaces')
      await api.get('/api/v1/namespaces', { as: { token: 'ann-token' } })
      await api.post('/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'made' },
      })
    } finally {
      api.close()
      await server.close()
      await new Promise((resolve) => webhook.close(resolve))
    }

    const written = await events(path)
    const seen = written.map(({ verb, level, responseStatus }) => [verb, level, responseStatus.code])
    expect(seen).toEqual([
      ['list', 'Metadata', 403],
      ['create', 'Metadata', 201],
    ])
    expect(received).toEqual(written)
  })
})

test.each([
  ['audit-policy-file', '/nowhere/policy.yaml'],
  ['audit-log-path', '/nowhere/audit.log'],
])('a server with a wrong --%s does not start', async (flag, value) => {
  const flags = { 'audit-log-path': '-', [flag]: value }
  await expect(startTestApiServer({ flags })).rejects.toThrow('ENOENT')
})

async function listen(received: ApiBody[]): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const list = JSON.parse(Buffer.concat(chunks).toString()) as ApiBody
      expect(list).toMatchObject({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1' })
      received.push(...list.items)
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function webhookKubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'webhook', cluster: { server } }],
    users: [{ name: 'api', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'webhook', user: 'api' } }],
    'current-context': 'x',
  })
}
