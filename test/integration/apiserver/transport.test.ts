import { writeFileSync } from 'node:fs'
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient } from './api-client.ts'

let server: TestApiServer
let api: ApiClient

const configMaps = '/api/v1/namespaces/default/configmaps'
const configMap = (name: string, data: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})
const tokenFile = join(tmpdir(), `kvorum-tokens-${process.pid}.csv`)

beforeAll(async () => {
  writeFileSync(tokenFile, 'secret-a,alice,uid-a,"devs,system:masters"\nsecret-b,bob,uid-b\n')
  server = await startTestApiServer({
    flags: { 'token-auth-file': tokenFile, compression: 'always', 'request-timeout': '2s' },
  })
  api = new ApiClient(server)
})

afterAll(async () => {
  api.close()
  await server.close()
})

describe('credentials', () => {
  test.each(['/healthz', '/livez', '/readyz', '/livez/ping'])('%s needs none', async (path) => {
    const { code, text } = await api.get(path, { as: 'nobody' })
    expect([code, text]).toEqual([200, 'ok'])
  })

  test('everything else needs some', async () => {
    const { code, body } = await api.get('/api/v1/namespaces', { as: 'nobody' })
    expect([code, body]).toEqual([
      401,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      },
    ])
    expect((await api.get('/version', { as: { token: 'wrong' } })).code).toBe(401)
  })

  test('a token of the file is as good as a certificate', async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const { body } = await api.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', review, {
      as: { token: 'secret-a' },
    })
    expect(body.status.userInfo).toEqual({
      username: 'alice',
      uid: 'uid-a',
      groups: ['devs', 'system:masters', 'system:authenticated'],
    })
  })

  test('those who are known see discovery and no more', async () => {
    const as = { token: 'secret-b' }
    expect((await api.get('/apis', { as })).code).toBe(200)
    const { code, body } = await api.get('/metrics', { as })
    expect([code, body.message]).toEqual([403, 'forbidden: User "bob" cannot get path "/metrics"'])
    const impersonate = await api.get('/api/v1/namespaces', { as, headers: { 'impersonate-user': 'alice' } })
    expect(impersonate.body.message).toContain('User "bob" cannot impersonate resource "users"')
  })
})

describe('documents', () => {
  test('discovery is aggregated, tagged, and not sent twice', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
    const first = await api.get('/apis', { headers: { accept } })
    expect(first.body.kind).toBe('APIGroupDiscoveryList')
    expect(first.headers['content-type']).toBe(accept)
    const again = await api.get('/apis', { headers: { accept, 'if-none-match': String(first.headers.etag) } })
    expect([again.code, again.text]).toEqual([304, ''])
  })

  test('discovery of old is there as well', async () => {
    expect((await api.get('/api')).body.versions).toEqual(['v1'])
    expect((await api.get('/apis')).body.kind).toBe('APIGroupList')
    expect((await api.get('/apis/coordination.k8s.io')).body.preferredVersion.version).toBe('v1')
    const { body } = await api.get('/api/v1')
    expect(body.resources.map(({ name }: { name: string }) => name)).toContain('namespaces/status')
  })

  test('schemas live at an address that changes with them', async () => {
    const { body: index } = await api.get('/openapi/v3')
    const path: string = index.paths['api/v1'].serverRelativeURL
    const { code, headers, body } = await api.get(path)
    expect([code, headers['cache-control'], body.openapi]).toEqual([200, 'public, immutable', '3.0.0'])
    const stale = await api.get('/openapi/v3/api/v1?hash=OLD')
    expect([stale.code, stale.headers.location]).toEqual([301, path])
  })

  test('schemas of version 2 come as JSON and as protobuf', async () => {
    expect((await api.get('/openapi/v2')).body.swagger).toBe('2.0')
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
    const { headers } = await api.get('/openapi/v2', { headers: { accept } })
    expect(headers['content-type']).toBe('application/com.github.proto-openapi.spec.v2.v1.0+protobuf')
  })

  test('checks are named when asked', async () => {
    expect((await api.get('/readyz?verbose')).text).toBe(
      '[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n',
    )
  })

  test('metrics count requests', async () => {
    await api.get(`${configMaps}/none`)
    const { text } = await api.get('/metrics')
    expect(text).toContain(
      'apiserver_request_total{verb="get",group="",resource="configmaps",subresource="",code="404"} 1',
    )
  })

  test.each([
    '/nothing',
    '/api/v1/pods',
    '/apis/no.such.group/v1/things',
    '/api/v1/namespaces/default/configmaps/a/status/b',
  ])('nothing is at %s', async (path) => {
    const { code, body } = await api.get(path)
    expect([code, body.message]).toEqual([404, 'the server could not find the requested resource'])
  })
})

describe('large answers', () => {
  test('are compressed for those who want that', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        api.post(configMaps, configMap(`big-${index}`, { x: 'x'.repeat(5000) })),
      ),
    )
    const response = await api.open('GET', configMaps, { headers: { 'accept-encoding': 'gzip' } })
    expect(response.headers['content-encoding']).toBe('gzip')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const list = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString()) as { items: unknown[] }
    expect(list.items).toHaveLength(60)
  })

  test('go over HTTP/2 beside each other', async () => {
    const session = await http2Session(server)
    const answers = await Promise.all(Array.from({ length: 20 }, () => http2Get(session, configMaps)))
    for (const text of answers) expect((JSON.parse(text) as { items: unknown[] }).items).toHaveLength(60)
    session.close()
  })
})

describe('bad input', () => {
  const post = (body: string | Buffer, type = 'application/json') =>
    api.post(configMaps, body, { headers: { 'content-type': type } })

  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...Array.from({ length: 9 }, (_, i) => {
      const [name, last] = [String.fromCharCode(98 + i), String.fromCharCode(97 + i)]
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${last}`).join(',')}]`
    }),
  ].join('\n')

  test.each([
    ['broken JSON', () => post('{"a"'), 400],
    ['no object', () => post('[]'), 400],
    ['an empty body', () => post(''), 400],
    ['invalid UTF-8', () => post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400],
    ['10,000 levels of JSON', () => post('['.repeat(10_000) + ']'.repeat(10_000)), 400],
    [
      '10,000 levels of YAML',
      () => post(`a: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'application/yaml'),
      400,
    ],
    ['10,000 steps of YAML', () => post('- '.repeat(10_000), 'application/yaml'), 400],
    ['a YAML bomb', () => post(bomb, 'application/yaml'), 400],
    [
      'a prototype',
      () => post('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p"},"data":{"__proto__":"x"}}'),
      400,
    ],
    ['a prototype in disguise', () => post('{"\\u005f_proto__":{"a":1}}'), 400],
    [
      'protobuf that is none',
      () => post(Buffer.from('k8s\0\x0a\xff\xff'), 'application/vnd.kubernetes.protobuf'),
      400,
    ],
    ['another type', () => post('x', 'text/plain'), 415],
    ['4 MiB', () => post(JSON.stringify(configMap('large', { x: 'x'.repeat(4 << 20) }))), 413],
    ['a name with a slash', () => api.get(`${configMaps}/a%2fb`), 400],
    ['a path upwards', () => api.get(`${configMaps}/..%2f..%2fsecrets`), 400],
    ['a broken escape', () => api.get(`${configMaps}/%zz`), 400],
    ['an unknown Accept', () => api.get(configMaps, { headers: { accept: 'image/png' } }), 406],
    ['a method that is none of the API', () => api.send('OPTIONS', configMaps, {}), 405],
    ['a POST to an object', () => api.post(`${configMaps}/x`, configMap('x')), 405],
    ['a write across namespaces', () => api.post('/api/v1/configmaps', configMap('x')), 405],
    ['numbers where text belongs', () => api.post(configMaps, configMap('n', { a: 1 })), 400],
    ['metadata that is none', () => api.post(configMaps, { ...configMap('n'), metadata: 'x' }), 400],
  ])('%s is refused, and the server goes on', async (_, send, code) => {
    const answer = await send()
    expect([answer.code, answer.body?.kind]).toEqual([code, 'Status'])
    expect((await api.get('/livez')).code).toBe(200)
  })

  test('a config map of more than 1 MiB is refused, and anything that etcd would not take', async () => {
    const large = await api.post(configMaps, configMap('large', { x: 'x'.repeat(1_100_000) }))
    expect([large.code, large.body.message]).toEqual([
      422,
      'ConfigMap "large" is invalid: : Too long: may not be more than 1048576 bytes',
    ])
    const event = await api.post('/api/v1/namespaces/default/events', {
      metadata: { name: 'long' },
      message: 'x'.repeat(1_600_000),
    })
    expect([event.code, event.body.reason]).toEqual([413, 'RequestEntityTooLarge'])
  })

  test('a body that never ends is given up', async () => {
    const session = await http2Session(server)
    const stream = session.request({
      ':method': 'POST',
      ':path': configMaps,
      'content-type': 'application/json',
    })
    stream.write('{')
    const status = await new Promise((resolve) =>
      stream.once('response', (headers) => resolve(headers[':status'])),
    )
    expect(status).toBe(504)
    session.destroy()
  })
})

describe('many at once', () => {
  test('what is over the limit is told to come back', async () => {
    const small = await startTestApiServer({
      flags: {
        'max-mutating-requests-inflight': 1,
        'enable-priority-and-fairness': 'false',
        'authorization-mode': 'AlwaysAllow',
        'token-auth-file': tokenFile,
      },
    })
    const session = await http2Session(small, { anonymous: true })
    const open = session.request({
      ':method': 'POST',
      ':path': configMaps,
      'content-type': 'application/json',
      authorization: 'Bearer secret-b',
    })
    open.write('{')
    const client = new ApiClient(small)
    const as = { token: 'secret-b' }
    await vi.waitUntil(async () => (await client.post(configMaps, configMap('x'), { as })).code === 429)
    const refused = await client.post(configMaps, configMap('y'), { as })
    expect([refused.body.reason, refused.headers['retry-after']]).toEqual(['TooManyRequests', '1'])
    expect((await client.get(configMaps, { as })).code).toBe(200)
    // Those who keep the cluster running get through.
    expect((await client.post(configMaps, configMap('urgent'))).code).toBe(201)
    session.destroy()
    await vi.waitUntil(async () => (await client.post(configMaps, configMap('z'), { as })).code === 201)
    client.close()
    await small.close()
  })

  test('a watcher that does not read is cut off, and others notice nothing', async () => {
    await api.post(configMaps, configMap('busy'))
    const session = await http2Session(server)
    const stuck = session.request({ ':path': `${configMaps}?watch=1&resourceVersion=0` })
    stuck.pause()
    stuck.on('error', () => {})
    const openWatches = async () =>
      /apiserver_longrunning_requests{[^}]*"configmaps"} (\d+)/.exec((await api.get('/metrics')).text)?.[1]
    await vi.waitUntil(async () => (await openWatches()) === '1')
    const { body: list } = await api.get(configMaps)
    const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${list.metadata.resourceVersion}`)
    expect(await openWatches()).toBe('2')
    for (let round = 0; round < 12; round++) {
      await api.patch(`${configMaps}/busy`, 'merge', { data: { x: String(round % 10).repeat(900_000) } })
      expect((await watch.next())?.type).toBe('MODIFIED')
    }
    await vi.waitUntil(async () => (await openWatches()) === '1')
    watch.close()
    await vi.waitUntil(async () => (await openWatches()) === '0')
    session.destroy()
  })
})

async function http2Session(to: TestApiServer, { anonymous = false } = {}): Promise<ClientHttp2Session> {
  const { ca, cert, key } = ApiClient.credentials(to)
  const session = connect(to.url, anonymous ? { ca } : { ca, cert, key })
  session.on('error', () => {})
  await new Promise((resolve) => session.once('connect', resolve))
  return session
}

async function http2Get(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ [constants.HTTP2_HEADER_PATH]: path })
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk)
  return text
}
