import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../../../apimachinery/client/client.ts'
import { httpClient, type HttpClientOptions } from '../../../../apimachinery/client/http-client.ts'
import type { Credentials } from '../../../../apimachinery/client/http/connection.ts'
import { disks, hosts, namespaces } from '../../../../apimachinery/client/resources.ts'
import type { StatusError } from '../../../../apimachinery/status-error.ts'
import { aDisk } from '../../../support/builders.ts'
import { manualClock } from '../../../support/clock.ts'
import {
  failureStatus,
  issueClientCertificate,
  json,
  type ScriptedServer,
  silence,
  startScriptedServer,
} from './scripted-server.ts'

let server: ScriptedServer
const clients: Client[] = []
beforeEach(async () => {
  server = await startScriptedServer()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await server.close()
})

function connect(options: HttpClientOptions & { config?: Parameters<typeof httpClient>[0] } = {}): Client {
  const { config = server.config(), ...rest } = options
  const client = httpClient(config, rest)
  clients.push(client)
  return client
}

const key = { name: 'disk-1', namespace: 'default' }
const disk = aDisk()

async function failure(call: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'StatusError' })
  return error as StatusError
}

describe('requests', () => {
  test('name the resource, the key and the options as Kubernetes wants them', async () => {
    server.answer(json(disk))
    const client = connect({ userAgent: 'kvorum/test' })
    const write = { fieldManager: 'me', dryRun: true } as const

    await client.get(disks, key)
    await client.create(disks, disk, write)
    await client.update(disks, disk, { subresource: 'status' })
    await client.patch(disks, key, { type: 'merge', body: { a: 1 } }, write)
    await client.patch(disks, key, { type: 'json', body: [] }, { subresource: 'status' })
    await client.patch(disks, key, { type: 'apply', body: disk, force: true }, { fieldManager: 'me' })
    await client.delete(disks, key, { preconditions: { uid: 'u' }, propagationPolicy: 'Foreground' })
    await client.get(hosts, { name: 'host-1' })
    await client.get(namespaces, { name: 'default' })

    const root = '/apis/kvorum.dev/v1alpha1/namespaces/default/disks'
    expect(server.seen.map(({ method, path, headers }) => [method, path, headers['content-type']])).toEqual([
      ['GET', `${root}/disk-1`, undefined],
      ['POST', `${root}?fieldManager=me&dryRun=All`, 'application/json'],
      ['PUT', `${root}/disk-1/status`, 'application/json'],
      ['PATCH', `${root}/disk-1?fieldManager=me&dryRun=All`, 'application/merge-patch+json'],
      ['PATCH', `${root}/disk-1/status`, 'application/json-patch+json'],
      ['PATCH', `${root}/disk-1?fieldManager=me&force=true`, 'application/apply-patch+yaml'],
      ['DELETE', `${root}/disk-1`, 'application/json'],
      ['GET', '/apis/kvorum.dev/v1alpha1/hosts/host-1', undefined],
      ['GET', '/api/v1/namespaces/default', undefined],
    ])
    expect(JSON.parse(server.seen[6]?.body ?? '')).toEqual({
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      preconditions: { uid: 'u' },
      propagationPolicy: 'Foreground',
    })
    expect(server.seen[0]?.headers['user-agent']).toBe('kvorum/test')
  })

  test('share one connection, however many there are at a time', async () => {
    server.answer(json(disk))
    const client = connect()

    await Promise.all(Array.from({ length: 100 }, () => client.get(disks, key)))

    expect(server.sessions).toHaveLength(1)
    expect(new Set(server.seen.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['2.0']))
  })

  test('without the name or namespace that they need are not sent', async () => {
    const client = connect()

    for (const call of [
      client.get(disks, { name: '', namespace: 'default' }),
      client.get(disks, { name: '..', namespace: 'default' }),
      client.get(disks, { name: 'disk-1' }),
      client.delete(disks, { name: '', namespace: 'default' }),
      client.create(disks, { ...disk, metadata: { name: 'disk-1' } }),
    ]) {
      expect(await failure(call)).toMatchObject({ reason: 'BadRequest', code: 400 })
    }
    expect(server.seen).toEqual([])
  })

  test('escape what a name may not contain', async () => {
    server.answer(json(disk))

    await connect().get(disks, { name: 'a/../b?c', namespace: 'n#' })

    expect(server.seen[0]?.path).toBe('/apis/kvorum.dev/v1alpha1/namespaces/n%23/disks/a%2F..%2Fb%3Fc')
  })

  test('go below the path of the server', async () => {
    server.answer(json(disk))
    const config = server.config()

    await connect({ config: { ...config, server: `${config.server}/clusters/one/` } }).get(disks, key)

    expect(server.seen[0]?.path).toBe(
      '/clusters/one/apis/kvorum.dev/v1alpha1/namespaces/default/disks/disk-1',
    )
  })

  test('that are aborted end with the reason, before and after they were sent', async () => {
    server.answer(silence)
    const client = connect()
    const reason = new Error('enough')
    const later = new AbortController()

    const underWay = client.get(disks, key, { signal: later.signal })
    await expect.poll(() => server.seen.length).toBe(1)
    later.abort(reason)

    await expect(underWay).rejects.toBe(reason)
    await expect(client.get(disks, key, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('of a closed client fail', async () => {
    server.answer(json(disk))
    const client = connect()
    await client.get(disks, key)

    await client.close()

    expect(await failure(client.get(disks, key))).toMatchObject({ reason: 'ServiceUnavailable' })
  })
})

describe('failures', () => {
  test.each([
    [
      404,
      failureStatus(404, 'NotFound', { name: 'disk-1' }),
      { reason: 'NotFound', code: 404, message: 'it is NotFound' },
    ],
    [409, failureStatus(409, 'AlreadyExists'), { reason: 'AlreadyExists', code: 409 }],
    [410, failureStatus(410, 'Expired'), { reason: 'Expired', code: 410 }],
    [
      422,
      failureStatus(422, 'Invalid', { causes: [{ field: 'spec.size' }] }),
      { reason: 'Invalid', code: 422 },
    ],
    [503, 'upstream is away', { reason: 'ServiceUnavailable', code: 503 }],
    [502, undefined, { reason: 'ServiceUnavailable', code: 502 }],
    [418, { kind: 'Teapot' }, { reason: 'BadRequest', code: 418 }],
    [500, { kind: 'Status' }, { reason: 'InternalError', code: 500 }],
  ])('%i with %j', async (status, body, expected) => {
    server.answer(json(body, status))

    expect(await failure(connect().get(disks, key))).toMatchObject(expected)
  })

  test('keep the details, and how long to wait', async () => {
    const details = { name: 'disk-1', causes: [{ reason: 'FieldValueInvalid', field: 'spec.size' }] }
    server.answer(json(failureStatus(429, 'TooManyRequests', details), 429, { 'retry-after': '7' }))

    const error = await failure(connect().get(disks, key))

    expect(error.details).toEqual({ ...details, retryAfterSeconds: 7 })
  })

  test('quote no more than a little of a foreign page', async () => {
    server.answer((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' })
      response.end(`<html>${'x'.repeat(100_000)}`)
    })

    const { message } = await failure(connect().get(disks, key))

    expect(message).toMatch(/^the server answered 502: <html>x+$/)
    expect(message.length).toBeLessThan(300)
  })

  test.each([
    ['no JSON', 'hello'],
    ['no object', '[1]'],
    ['no metadata', '{}'],
  ])('of an answer that is %s', async (_name, text) => {
    server.answer((_request, response) => void response.end(text))

    expect(await failure(connect().get(disks, key))).toMatchObject({ reason: 'InternalError' })
  })

  test('of an answer without end', async () => {
    server.answer((_request, response) => {
      const chunk = Buffer.alloc(1 << 20, 0x20)
      const write = () => {
        if (response.stream?.destroyed === false) response.write(chunk, () => setImmediate(write))
      }
      write()
    })

    const error = await failure(connect().get(disks, key))

    expect(error).toMatchObject({ reason: 'InternalError' })
    expect(error.message).toContain('longer than')
  })

  test('to reach the server, or to trust it', async () => {
    const { port } = new URL(server.url)
    const nowhere = connect({
      config: { server: 'https://127.0.0.1:1', credentials: async () => ({ headers: {} }) },
    })
    const stranger = connect({ config: { server: server.url, credentials: async () => ({ headers: {} }) } })
    const misnamed = connect({ config: server.config({ serverName: 'other.test' }) })

    expect((await failure(nowhere.get(disks, key))).message).toContain('ECONNREFUSED')
    expect(await failure(stranger.get(disks, key))).toMatchObject({ reason: 'ServiceUnavailable', code: 503 })
    expect((await failure(misnamed.get(disks, key))).message).toContain('other.test')
    expect(port).not.toBe('1')
  })

  test('to load credentials are failures of the request', async () => {
    const credentials = () => Promise.reject(new Error('the exec plugin failed'))

    const error = await failure(connect({ config: { server: server.url, credentials } }).get(disks, key))

    expect(error.message).toContain('the exec plugin failed')
  })
})

describe('credentials', () => {
  const withToken = (tokens: string[]) => ({
    server: server.url,
    credentials: async (): Promise<Credentials> => ({
      ca: server.authority.certificate,
      headers: { authorization: `Bearer ${tokens.length > 1 ? tokens.shift() : tokens[0]}` },
    }),
  })
  const whoAsks = () => server.seen.map(({ headers }) => headers['authorization'])

  test('are sent, and asked for again after half a minute', async () => {
    server.answer(json(disk))
    const clock = manualClock()
    const client = connect({ clock, config: withToken(['one', 'two']) })

    await client.get(disks, key)
    await clock.advance(29_000)
    await client.get(disks, key)
    await clock.advance(1_000)
    await client.get(disks, key)

    expect(whoAsks()).toEqual(['Bearer one', 'Bearer one', 'Bearer two'])
    expect(server.sessions).toHaveLength(1)
  })

  test('that the server refuses are renewed once and the request repeated', async () => {
    server.answer(json(failureStatus(401, 'Unauthorized'), 401), json(disk))

    await connect({ config: withToken(['old', 'new']) }).get(disks, key)

    expect(whoAsks()).toEqual(['Bearer old', 'Bearer new'])
  })

  test('that are refused and stay the same are a failure', async () => {
    server.answer(json(failureStatus(401, 'Unauthorized'), 401))

    const error = await failure(connect({ config: withToken(['old']) }).get(disks, key))

    expect(error).toMatchObject({ reason: 'Unauthorized', code: 401 })
    expect(whoAsks()).toHaveLength(1)
  })

  test('with a renewed certificate get a new connection, and what is under way ends on the old one', async () => {
    const [first, second] = await Promise.all(['first', 'second'].map(issueClientCertificate))
    let current = first
    const clock = manualClock()
    const credentials = async (): Promise<Credentials> => ({
      ca: server.authority.certificate,
      ...(current && { cert: current.certificate, key: current.key }),
      headers: {},
    })
    const config = { server: server.url, credentials }
    const client = connect({ clock, config, timeoutMs: 60_000 })
    let finish = () => {}
    server.answer((request, response) => {
      finish = () => void json(disk)(request, response)
    }, json(disk))
    const slow = client.get(disks, key)
    await expect.poll(() => server.seen.length).toBe(1)

    current = second
    await clock.advance(30_000)
    await client.get(disks, key)
    await client.get(disks, key)
    finish()
    await slow

    expect(server.seen.map(({ user }) => user)).toEqual(['first', 'second', 'second'])
    expect(server.sessions).toHaveLength(2)
    await expect.poll(() => server.sessions[0]?.destroyed).toBe(true)
  })
})

describe('a server that speaks only HTTP/1.1', () => {
  let old: ScriptedServer
  beforeEach(async () => {
    old = await startScriptedServer({ http1Only: true })
  })
  afterEach(() => old.close())

  test('is served, too', async () => {
    old.answer(json(disk))
    const client = connect({ config: old.config() })

    await client.get(disks, key)
    const stored = await client.patch(disks, key, { type: 'merge', body: { spec: { size: '1Gi' } } })

    expect(stored.metadata.name).toBe('disk-1')
    expect(old.seen.map(({ httpVersion, body }) => [httpVersion, body])).toEqual([
      ['1.1', ''],
      ['1.1', '{"spec":{"size":"1Gi"}}'],
    ])
  })

  test('can be aborted and closed', async () => {
    old.answer(silence)
    const client = connect({ config: old.config() })
    const later = new AbortController()
    const underWay = client.get(disks, key, { signal: later.signal })
    await expect.poll(() => old.seen.length).toBe(1)

    later.abort(new Error('enough'))
    await expect(underWay).rejects.toThrow('enough')
    const other = client.get(disks, key)
    await expect.poll(() => old.seen.length).toBe(2)
    await client.close()

    expect(await failure(other)).toMatchObject({ reason: 'ServiceUnavailable' })
  })
})
