import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { issueCertificate } from '../../../apiserver/certificates/authority.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import {
  answering,
  startHttpsWebhook,
  webhookAuthority,
  type HttpsWebhook,
  type Received,
} from '../../support/https-webhook.ts'
import { ApiClient, type ApiBody } from './api-client.ts'
import { widgetCrd } from './widget.ts'

const services = '/apis/apiregistration.k8s.io/v1/apiservices'
const spaces = '/apis/space.example.org/v1/namespaces/default/rockets'

let server: TestApiServer
let api: ApiClient
let backend: HttpsWebhook
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-aggregation-'))
  const authority = await webhookAuthority()
  const client = await issueCertificate(systemClock, authority, {
    commonName: 'front-proxy',
    usage: 'client',
    validDays: 1,
  })
  await writeFile(join(directory, 'proxy.crt'), client.certificate)
  await writeFile(join(directory, 'proxy.key'), client.key)
  await writeFile(join(directory, 'proxy-ca.crt'), authority.certificate)
  await writeFile(join(directory, 'tokens.csv'), 'secret,joe,7,"crew,system:nodes"\n')
  backend = await startHttpsWebhook(serveRockets)
  server = await startTestApiServer({
    flags: {
      'authorization-mode': 'AlwaysAllow',
      'token-auth-file': join(directory, 'tokens.csv'),
      'proxy-client-cert-file': join(directory, 'proxy.crt'),
      'proxy-client-key-file': join(directory, 'proxy.key'),
      'requestheader-client-ca-file': join(directory, 'proxy-ca.crt'),
    },
  })
  api = new ApiClient(server)
})

afterEach(async () => {
  api.close()
  await server.close()
  await backend.close()
  await rm(directory, { recursive: true, force: true })
})

const rocket = { apiVersion: 'space.example.org/v1', kind: 'Rocket', metadata: { name: 'one' } }
let watcher: ServerResponse | undefined

/** A small API server of its own. */
function serveRockets(received: Received, response: ServerResponse): void {
  const { path } = received
  if (path === '/apis/space.example.org/v1') {
    const verbs = ['create', 'get', 'list', 'watch']
    const resources = [
      {
        name: 'rockets',
        singularName: 'rocket',
        namespaced: true,
        kind: 'Rocket',
        verbs,
        shortNames: ['rk'],
      },
      { name: 'rockets/status', singularName: '', namespaced: true, kind: 'Rocket', verbs: ['get'] },
    ]
    const list = { kind: 'APIResourceList', groupVersion: 'space.example.org/v1', resources }
    return void response.end(JSON.stringify(list))
  }
  response.setHeader('content-type', 'application/json')
  if (path.includes('watch=true')) {
    watcher = response
    return void response.write(`${JSON.stringify({ type: 'ADDED', object: rocket })}\n`)
  }
  if (path.endsWith('/gone')) return void response.writeHead(404).end('{"kind":"Status","code":404}')
  if (path.endsWith('/moved')) return void response.writeHead(302, { location: 'https://a.test' }).end()
  response.end(JSON.stringify({ ...rocket, path, body: received.body }))
}

function rocketService(more: object = {}, url: string = backend.url): object {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.space.example.org', annotations: { 'kvorum.dev/backend-url': url } },
    spec: {
      group: 'space.example.org',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      caBundle: backend.caBundle,
      ...more,
    },
  }
}

async function availableOf(name: string): Promise<ApiBody> {
  const { body } = await api.get(`${services}/${name}`)
  return body.status?.conditions?.find((condition: ApiBody) => condition.type === 'Available')
}

async function serveSpace(): Promise<void> {
  expect((await api.post(services, rocketService())).code).toBe(201)
  await vi.waitUntil(async () => (await availableOf('v1.space.example.org'))?.status === 'True')
}

describe('what this server serves itself', () => {
  test('is listed as local API services', async () => {
    const { body } = await api.get(services)

    const names = body.items.map((service: ApiBody) => service.metadata.name)
    expect(names).toEqual(
      expect.arrayContaining([
        'v1.',
        'v1.apiextensions.k8s.io',
        'v1.authorization.k8s.io',
        'v1.coordination.k8s.io',
      ]),
    )
    expect(await availableOf('v1.')).toMatchObject({
      status: 'True',
      reason: 'Local',
      message: 'Local APIServices are always available',
    })
  })

  test('comes and goes with CRDs', async () => {
    await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)
    await vi.waitUntil(async () => (await availableOf('v1.test.example.org'))?.reason === 'Local')

    await api.delete('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.test.example.org')

    await vi.waitUntil(async () => (await api.get(`${services}/v1.test.example.org`)).code === 404, {
      timeout: 20_000,
    })
  })
})

describe('an API service with a server of its own', () => {
  test('gets the requests for its group in the name of the user', async () => {
    await serveSpace()

    const { code, body } = await api.post(`${spaces}?fieldManager=me`, rocket, { as: { token: 'secret' } })

    expect(code).toBe(200)
    expect(body).toMatchObject({ kind: 'Rocket', path: `${spaces}?fieldManager=me`, body: rocket })
    const { headers, client } = backend.received.at(-1) as Received
    expect(client).toBe('front-proxy')
    expect(headers).toMatchObject({ 'x-remote-user': 'joe', 'x-remote-uid': '7' })
    expect(headers['x-remote-group']).toContain('crew')
    expect(headers['authorization']).toBeUndefined()
  })

  test('is not told another user by the client', async () => {
    await serveSpace()

    await api.get(`${spaces}/one`, {
      as: { token: 'secret' },
      headers: { 'x-remote-user': 'root', 'x-remote-group': 'system:masters', 'x-remote-extra-a': 'b' },
    })

    const { headers } = backend.received.at(-1) as Received
    expect(headers['x-remote-user']).toBe('joe')
    expect(headers['x-remote-group']).not.toContain('system:masters')
    expect(headers['x-remote-extra-a']).toBeUndefined()
  })

  test('is in discovery, old and new', async () => {
    await serveSpace()

    const { body: groups } = await api.get('/apis')
    const { body: list } = await api.get('/apis/space.example.org/v1')
    const { body: all } = await api.get('/apis', {
      headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
    })

    expect(groups.groups.map((group: ApiBody) => group.name)).toContain('space.example.org')
    expect(list.resources.map((resource: ApiBody) => resource.name)).toEqual(['rockets', 'rockets/status'])
    const space = all.items.find((group: ApiBody) => group.metadata.name === 'space.example.org')
    expect(space.versions[0].resources[0]).toMatchObject({ resource: 'rockets', shortNames: ['rk'] })
  })

  test('streams its watches', async () => {
    await serveSpace()
    const watch = await api.watch(`${spaces}?watch=true`)

    const first = await watch.next()
    watcher?.write(`${JSON.stringify({ type: 'DELETED', object: rocket })}\n`)
    const second = await watch.next()
    watcher?.end()

    expect([first?.type, second?.type]).toEqual(['ADDED', 'DELETED'])
    expect(await watch.next()).toBeUndefined()
  })

  test('answers for itself, but may not send clients elsewhere', async () => {
    await serveSpace()

    expect((await api.get(`${spaces}/gone`)).body).toEqual({ kind: 'Status', code: 404 })
    const moved = await api.get(`${spaces}/moved`)
    expect([moved.code, moved.body.message]).toEqual([
      502,
      'the backend attempted to redirect this request, which is not permitted',
    ])
  })

  test('that does not answer is unavailable, says why, and nothing else suffers', async () => {
    backend.respond(answering({}, 500))
    await api.post(services, rocketService())
    await vi.waitUntil(async () => (await availableOf('v1.space.example.org')) !== undefined)

    const refused = await api.get(`${spaces}/one`)

    const url = `${backend.url}/apis/space.example.org/v1`
    expect(await availableOf('v1.space.example.org')).toMatchObject({
      status: 'False',
      reason: 'FailedDiscoveryCheck',
      message: `failing or missing response from ${url}: bad status from ${url}: 500`,
    })
    expect([refused.code, refused.body.message]).toEqual([503, 'service unavailable'])
    expect((await api.get('/api/v1/namespaces')).code).toBe(200)
  })

  test('is gone with its API service', async () => {
    await serveSpace()

    await api.delete(`${services}/v1.space.example.org`)

    await vi.waitUntil(async () => (await api.get(`${spaces}/one`)).code === 404)
    const { body } = await api.get('/apis')
    expect(body.groups.map((group: ApiBody) => group.name)).not.toContain('space.example.org')
  })

  test('can read how to recognise this server', async () => {
    const { body } = await api.get(
      '/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication',
    )

    expect(body.data).toMatchObject({
      'client-ca-file': expect.stringContaining('BEGIN CERTIFICATE'),
      'requestheader-client-ca-file': (await webhookAuthority()).certificate,
      'requestheader-username-headers': '["X-Remote-User"]',
    })
  })
})

describe('an API service is refused', () => {
  test.each<[string, () => object, string]>([
    [
      'under another name',
      () => ({ ...rocketService(), metadata: { name: 'v2.space.example.org' } }),
      'metadata.name: Invalid value: "v2.space.example.org": must be `spec.version+"."+spec.group`: "v1.space.example.org"',
    ],
    [
      'with a path in its URL',
      () => rocketService({}, 'https://a.test/apis'),
      'metadata.annotations[kvorum.dev/backend-url]: Invalid value: "https://a.test/apis": must not have a path; desired format: https://host[:port]',
    ],
    [
      'without encryption',
      () => rocketService({}, 'http://a.test'),
      'metadata.annotations[kvorum.dev/backend-url]: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
    ],
    [
      'when it trusts everybody and somebody',
      () => rocketService({ insecureSkipTLSVerify: true }),
      'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present',
    ],
  ])('%s', async (_name, make, expected) => {
    const { code, body } = await api.post(services, make())

    expect(code).toBe(422)
    expect(body.details.causes.map((cause: ApiBody) => `${cause.field}: ${cause.message}`)).toContain(
      expected,
    )
  })

  test('no, but unavailable, when it names a service, because there are none', async () => {
    const service = { namespace: 'default', name: 'rockets' }
    const { metadata, ...rest } = rocketService({ service }) as { metadata: { name: string } }
    await api.post(services, { ...rest, metadata: { name: metadata.name } })

    await vi.waitUntil(async () => (await availableOf('v1.space.example.org')) !== undefined)

    expect(await availableOf('v1.space.example.org')).toMatchObject({
      status: 'False',
      reason: 'ServiceNotFound',
      message: 'service/rockets in "default" is not present',
    })
  })
})
