import { request as httpsRequest } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { ApiClient, type ApiAnswer } from './api-client.ts'
import { aWidget, widgetCrd, widgetsPath } from './widget.ts'

let server: TestApiServer
let api: ApiClient
beforeAll(async () => {
  server = await startTestApiServer()
  api = new ApiClient(server)
  await api.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgetCrd)
  await vi.waitUntil(async () => (await api.get(widgetsPath)).code === 200)
})
afterAll(async () => {
  api.close()
  await server.close()
})

const configMaps = '/api/v1/namespaces/default/configmaps'

/** How long others wait while `harm` is being done: the longest of many small requests, in milliseconds. */
async function slowestMeanwhile(harm: Promise<unknown>): Promise<number> {
  let done = false
  const finished = harm.then(
    () => (done = true),
    () => (done = true),
  )
  let slowest = 0
  while (!done) {
    const began = performance.now()
    const { code } = await api.get('/livez')
    if (code !== 200) throw new Error(`the server answered ${code}`)
    slowest = Math.max(slowest, performance.now() - began)
  }
  await finished
  return slowest
}

const said = ({ code, body }: ApiAnswer) => [code, body?.message]

describe('bodies', () => {
  const post = (body: string | Buffer, type: string) =>
    api.post(configMaps, body, { headers: { 'content-type': type } })

  const deep = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...Array.from({ length: 9 }, (_, index) => {
      const [name, last] = [String.fromCharCode(98 + index), String.fromCharCode(97 + index)]
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${last}`).join(',')}]`
    }),
  ].join('\n')

  test.each<[string, string, string, string]>([
    ['a YAML bomb', bomb, 'application/yaml', 'Excessive alias count'],
    ['10,000 levels of JSON', deep(10_000), 'application/json', 'nests deeper than 512 levels'],
    ['10,000 levels of YAML', `a: ${deep(10_000)}`, 'application/yaml', 'nests deeper than 512 levels'],
    ['a prototype', '{"__proto__":{"a":1}}', 'application/json', '"__proto__" is not allowed'],
  ])('%s are refused', async (_name, body, type, message) => {
    const answer = await post(body, type)

    expect(answer.code).toBe(400)
    expect(answer.body.message).toContain(message)
  })

  test('that are no UTF-8 are refused', async () => {
    const broken = Buffer.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')])

    expect(said(await post(broken, 'application/json'))).toEqual([
      400,
      'the body of the request is not valid UTF-8',
    ])
  })

  test('of many lines of YAML keep nobody else waiting', async () => {
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: long}\ndata:\n${Array.from(
      { length: 20_000 },
      (_, index) => `  key${index}: value\n`,
    ).join('')}`
    const creation = post(yaml, 'application/yaml')

    const slowest = await slowestMeanwhile(creation)

    expect((await creation).code).toBe(201)
    // Parsing it where requests are served takes many times as long on any machine that the rest of this fits on.
    expect(slowest).toBeLessThan(5_000)
  })

  test('of 100 MB are refused when they say so, and cut off when they do not', async () => {
    const announced = await post(Buffer.alloc(0), 'application/json').then(() =>
      sendHead({ 'content-length': String(100 << 20) }),
    )
    const streamed = await sendWithoutEnd()

    expect(announced.code).toBe(413)
    expect(streamed.code).toBe(413)
    // Not all of it was taken.
    expect(streamed.sentBytes).toBeLessThan(64 << 20)
    expect((await api.get('/livez')).code).toBe(200)
  })

  test('with fields twice or unknown fields are told or refused, as asked for', async () => {
    const twice =
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"},"x":1}'

    const strict = await api.post(`${configMaps}?fieldValidation=Strict`, twice)
    const warned = await api.post(`${configMaps}?fieldValidation=Warn&dryRun=All`, twice)
    const ignored = await api.post(`${configMaps}?fieldValidation=Ignore&dryRun=All`, twice)

    const problems = ['unknown field "x"', 'duplicate field "data.a"']
    expect(said(strict)).toEqual([
      400,
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${problems.join(', ')}`,
    ])
    expect(warned.headers['warning']).toBe(
      problems.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`).join(', '),
    )
    expect([ignored.code, ignored.headers['warning'], ignored.body.data]).toEqual([
      201,
      undefined,
      { a: '2' },
    ])
  })

  /** Announces a body and waits for the answer without sending any of it. */
  async function sendHead(headers: Record<string, string>): Promise<{ code: number }> {
    return await new Promise((resolve, reject) => {
      const sent = httpsRequest(new URL(configMaps, server.url), {
        method: 'POST',
        ...ApiClient.credentials(server),
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
      })
      sent.on('response', (response) => {
        resolve({ code: response.statusCode ?? 0 })
        response.resume()
        sent.destroy()
      })
      sent.on('error', reject)
      sent.flushHeaders()
    })
  }

  /** Sends for as long as the server takes it. */
  async function sendWithoutEnd(): Promise<{ code: number; sentBytes: number }> {
    let sentBytes = 0
    let code = 0
    await new Promise<void>((resolve) => {
      const sent = httpsRequest(new URL(configMaps, server.url), {
        method: 'POST',
        ...ApiClient.credentials(server),
        agent: false,
        headers: { 'content-type': 'application/json' },
      })
      sent.on('response', (response) => {
        code = response.statusCode ?? 0
        response.on('error', () => {}).resume()
      })
      sent.on('error', () => resolve()).on('close', () => resolve())
      const piece = Buffer.alloc(256 * 1024, ' ')
      const more = () => {
        if (sent.destroyed || sentBytes > 100 << 20) return
        sentBytes += piece.length
        sent.write(piece, () => setImmediate(more))
      }
      more()
    })
    return { code, sentBytes }
  }
})

describe('queries', () => {
  test('a version from the future is told to come back', async () => {
    const { code, body } = await api.get(`${configMaps}?resourceVersion=99999999`)

    expect([code, body.reason, body.message]).toEqual([
      504,
      'Timeout',
      expect.stringContaining('Too large resource version'),
    ])
  })

  test.each([
    ['a continue token that is none', `${configMaps}?limit=1&continue=x`],
    ['one of another version', `${configMaps}?limit=1&continue=${token({ v: 'v9', rv: 1, start: 'a' })}`],
    [
      'one that climbs',
      `${configMaps}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 1, start: '../../secrets/' })}`,
    ],
    [
      'one without a start',
      `${configMaps}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 1, start: '' })}`,
    ],
    [
      'one of no version',
      `${configMaps}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 0.5, start: 'a' })}`,
    ],
    ['a limit that is no number', `${configMaps}?limit=many`],
    ['a label selector that is none', `${configMaps}?labelSelector=a%20in%20(`],
    ['a field selector that is none', `${configMaps}?fieldSelector=a`],
    ['an unknown field', `${configMaps}?fieldSelector=spec.x%3D1`],
    ['a resource version that is none', `${configMaps}?resourceVersion=new`],
    ['a match without a version', `${configMaps}?resourceVersionMatch=Exact`],
  ])('%s is refused with a reason', async (_name, path) => {
    const { code, body } = await api.get(path)

    expect([code, body.kind, body.status]).toEqual([
      expect.toSatisfy((one: number) => one === 400 || one === 422),
      'Status',
      'Failure',
    ])
    expect(body.message).toMatch(/\w+ \w+/)
  })

  function token(value: object): string {
    return Buffer.from(JSON.stringify(value)).toString('base64url')
  }
})

describe('patches', () => {
  const path = `${widgetsPath}/patched`
  beforeAll(async () => {
    await api.post(widgetsPath, aWidget('patched'))
  })
  const nameless = 'the name of the object (patched based on URL) was undeterminable: name must be provided'

  test.each<[string, string, unknown, unknown]>([
    ['the metadata', 'json', [{ op: 'remove', path: '/metadata' }], nameless],
    ['the metadata', 'merge', { metadata: null }, nameless],
    ['the name', 'json', [{ op: 'remove', path: '/metadata/name' }], nameless],
    ['the whole object', 'json', [{ op: 'replace', path: '', value: [] }], 'the patch must leave an object'],
  ])('that remove %s (%s) are refused', async (_what, type, patch, message) => {
    expect(said(await api.patch(path, type, patch as object))).toEqual([400, message])
    expect((await api.get(path)).body.metadata.name).toBe('patched')
  })

  test('that remove the kind are refused', async () => {
    const { code, body } = await api.patch(path, 'json', [{ op: 'remove', path: '/kind' }])

    expect([code, body.message]).toEqual([422, expect.stringContaining("Object 'Kind' is missing")])
  })

  test('that remove what the server owns do not', async () => {
    const before = (await api.get(path)).body.metadata
    const { code, body } = await api.patch(path, 'merge', {
      metadata: { uid: null, creationTimestamp: null, generation: null },
    })

    expect(code).toBe(200)
    expect(body.metadata).toMatchObject({
      uid: before.uid,
      creationTimestamp: before.creationTimestamp,
      generation: before.generation,
    })
  })

  test('that multiply an object are bounded', async () => {
    const copies = Array.from({ length: 60 }, (_, index) => ({
      op: 'copy',
      from: '/spec',
      path: `/spec/c${index}`,
    }))

    const { code } = await api.patch(path, 'json', copies)

    expect(code).toBeGreaterThanOrEqual(400)
    expect(code).toBeLessThan(500)
  })
})

describe('paths', () => {
  test.each([
    `${configMaps}/..%2f..%2fsecrets`,
    `${configMaps}/%2e%2e`,
    `${configMaps}/a%2fb`,
    `${configMaps}/a%00b`,
    '/api/v1/namespaces/..%2f..%2fkube-system/configmaps',
    '/apis/../api/v1/secrets',
    '/%2e%2e/etc/passwd',
    `${configMaps}/${'x'.repeat(300)}`,
  ])('%s leads nowhere', async (path) => {
    const { code, body } = await api.get(path)

    expect([400, 404]).toContain(code)
    expect(body.kind).toBe('Status')
  })
})

describe('connections', () => {
  const open: (Socket | TLSSocket)[] = []
  afterAll(() => open.forEach((socket) => socket.destroy()))

  function address(): { host: string; port: number } {
    const { hostname, port } = new URL(server.url)
    return { host: hostname, port: Number(port) }
  }

  test('by the thousand that say nothing keep nobody out', async () => {
    const idle = Array.from({ length: 5_000 }, () => opened(connectTcp(address())))
    await Promise.all(idle)
    const shaken = Array.from({ length: 100 }, () =>
      opened(connectTls({ ...address(), rejectUnauthorized: false }), 'secureConnect'),
    )
    await Promise.all(shaken)

    expect((await api.get(configMaps)).code).toBe(200)
    const fresh = new ApiClient(server)
    expect((await fresh.get('/livez')).code).toBe(200)
    fresh.close()
  })

  test('with more headers than anybody needs are refused', async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`x-flood-${index}`, 'x'.repeat(200)]),
    )

    const answer = await api.get(configMaps, { headers }).catch(() => ({ code: 'cut off' }))

    expect([431, 'cut off']).toContain(answer.code)
    expect((await api.get('/livez')).code).toBe(200)
  })

  test('that speak no TLS are dropped', async () => {
    const socket = connectTcp(address())
    open.push(socket)
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\n\r\n')

    await new Promise((resolve) => socket.once('close', resolve))
    expect((await api.get('/livez')).code).toBe(200)
  })

  function opened<T extends Socket>(socket: T, event = 'connect'): Promise<void> {
    open.push(socket)
    return new Promise((resolve, reject) => socket.once(event, () => resolve()).once('error', reject))
  }
})
