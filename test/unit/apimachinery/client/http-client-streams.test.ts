import { constants } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Client, WatchEvent, WatchOptions } from '../../../../apimachinery/client/client.ts'
import { httpClient, type HttpClientOptions } from '../../../../apimachinery/client/http-client.ts'
import { disks } from '../../../../apimachinery/client/resources.ts'
import type { Disk } from '../../../../crds/v1alpha1/disk.ts'
import { aDisk } from '../../../support/builders.ts'
import { manualClock, settle } from '../../../support/clock.ts'
import {
  type Answer,
  failureStatus,
  json,
  pieces,
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

function connect(options: HttpClientOptions = {}): Client {
  const client = httpClient(server.config(), { random: () => 0, ...options })
  clients.push(client)
  return client
}

const named = (name: string) => aDisk({ metadata: { name } })
const key = { name: 'a', namespace: 'default' }

describe('list', () => {
  const page = (names: readonly string[], next?: string) =>
    json({
      kind: 'DiskList',
      metadata: { resourceVersion: '50', ...(next && { continue: next }) },
      // As Kubernetes does, without saying of each what it is.
      items: names.map((name) => ({ metadata: named(name).metadata, spec: {} })),
    })
  const expiredPage = json(failureStatus(410, 'Expired'), 410)
  const queries = () => server.seen.map(({ path }) => path.split('?')[1])

  test('reads page after page and says what each object is', async () => {
    server.answer(page(['a', 'b'], 'next 1'), page(['c'], 'next 2'), page(['d']))

    const list = await connect().list(disks, { namespace: 'default', labelSelector: 'a=b' })

    expect(list.resourceVersion).toBe('50')
    expect(list.items.map(({ kind, apiVersion, metadata }) => [kind, apiVersion, metadata.name])).toEqual(
      ['a', 'b', 'c', 'd'].map((name) => ['Disk', 'kvorum.dev/v1alpha1', name]),
    )
    expect(queries()).toEqual([
      'labelSelector=a%3Db&limit=500',
      'labelSelector=a%3Db&limit=500&continue=next+1',
      'labelSelector=a%3Db&limit=500&continue=next+2',
    ])
  })

  test('begins again when the pages have expired under it', async () => {
    server.answer(page(['a'], 'next'), expiredPage, page(['b'], 'next'), page(['c']))

    const { items } = await connect().list(disks)

    expect(items.map(({ metadata }) => metadata.name)).toEqual(['b', 'c'])
  })

  test('asks for everything at once when they expire again and again', async () => {
    const first = page(['a'], 'next')
    server.answer(first, expiredPage, first, expiredPage, first, expiredPage, page(['b']))

    const { items } = await connect().list(disks)

    expect(items.map(({ metadata }) => metadata.name)).toEqual(['b'])
    expect(queries().at(-1)).toBeUndefined()
  })

  test('of an empty collection, with or without a list in the answer, is empty', async () => {
    server.answer(json({ metadata: { resourceVersion: '7' }, items: null }))

    expect(await connect().list(disks)).toEqual({ items: [], resourceVersion: '7' })
  })

  test('that is no list is a failure', async () => {
    server.answer(json({ metadata: {}, items: {} }))

    await expect(connect().list(disks)).rejects.toMatchObject({ reason: 'InternalError' })
  })
})

describe('watch', () => {
  const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
  const added = (name: string) => line('ADDED', named(name))
  const bookmark = line('BOOKMARK', { kind: 'Disk', metadata: { resourceVersion: '99' } })

  async function read(client: Client, options: Partial<WatchOptions> = {}): Promise<string[]> {
    const signal = new AbortController().signal
    const seen: string[] = []
    for await (const event of client.watch(disks, { resourceVersion: '5', signal, ...options })) {
      seen.push(text(event))
    }
    return seen
  }
  const text = (event: WatchEvent<Disk>) =>
    event.type === 'BOOKMARK' ? `at ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`

  test('asks for bookmarks, and for an end between five and ten minutes', async () => {
    server.answer(pieces(''))

    await read(connect(), { namespace: 'default', fieldSelector: 'metadata.name=a' })
    await read(connect({ random: () => 1 }))

    expect(server.seen.map(({ path }) => path)).toEqual([
      '/apis/kvorum.dev/v1alpha1/namespaces/default/disks?watch=true&allowWatchBookmarks=true&resourceVersion=5&fieldSelector=metadata.name%3Da&timeoutSeconds=300',
      '/apis/kvorum.dev/v1alpha1/disks?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=600',
    ])
  })

  test('yields events and bookmarks however the bytes arrive', async () => {
    const all = Buffer.from(added('a') + added('b') + bookmark + line('DELETED', named('a')))
    const bytes = [...all].map((byte) => Buffer.from([byte]))
    const expected = ['ADDED a', 'ADDED b', 'at 99', 'DELETED a']

    server.answer(pieces(all), pieces(...bytes), pieces(all.subarray(0, 700), '', all.subarray(700)))

    const client = connect()
    for (let i = 0; i < 3; i++) expect(await read(client)).toEqual(expected)
  })

  test('keeps characters whole that are split between two pieces', async () => {
    const object = aDisk({ metadata: { name: 'a', labels: { owner: 'Zoë' } } })
    const all = Buffer.from(line('ADDED', object))
    const middle = all.indexOf(Buffer.from('ë')) + 1
    server.answer(pieces(all.subarray(0, middle), all.subarray(middle)))

    const labels: unknown[] = []
    const { signal } = new AbortController()
    for await (const event of connect().watch(disks, { resourceVersion: '5', signal })) {
      if (event.type !== 'BOOKMARK') labels.push(event.object.metadata.labels)
    }

    expect(labels).toEqual([{ owner: 'Zoë' }])
  })

  test('leaves out empty lines, a line without end, and events of types it does not know', async () => {
    server.answer(pieces('\n', line('FUTURE', named('x')), added('a'), '\n', added('b').slice(0, -10)))

    expect(await read(connect())).toEqual(['ADDED a'])
  })

  test('throws what the server reports, after what came before', async () => {
    server.answer(pieces(added('a'), line('ERROR', failureStatus(410, 'Expired')), added('b')))
    const seen: string[] = []
    const { signal } = new AbortController()

    const reading = (async () => {
      for await (const event of connect().watch(disks, { resourceVersion: '5', signal }))
        seen.push(text(event))
    })()

    await expect(reading).rejects.toMatchObject({ reason: 'Expired', code: 410 })
    expect(seen).toEqual(['ADDED a'])
  })

  test('throws Expired when it is not even accepted', async () => {
    server.answer(json(failureStatus(410, 'Expired'), 410))

    await expect(read(connect())).rejects.toMatchObject({ reason: 'Expired', code: 410 })
  })

  test.each([
    ['no JSON', 'hello\n'],
    ['no event', '{}\n'],
    ['no object', '{"type":"ADDED"}\n'],
    ['no version', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['no metadata', '{"type":"ADDED","object":{}}\n'],
  ])('throws for a line that is %s', async (_name, broken) => {
    server.answer(pieces(broken))

    await expect(read(connect())).rejects.toMatchObject({ reason: 'InternalError' })
  })

  test('throws for a line without end', async () => {
    const endless: Answer = (_request, response) => {
      response.writeHead(200, {})
      const write = () => {
        if (response.stream?.destroyed === false)
          response.write(Buffer.alloc(1 << 20, 0x20), () => setImmediate(write))
      }
      write()
    }
    server.answer(endless)

    await expect(read(connect())).rejects.toMatchObject({ reason: 'InternalError' })
  })

  test('tells when it was accepted, before the first event', async () => {
    server.answer((_request, response) => {
      response.writeHead(200, {})
      response.write('')
    })
    const controller = new AbortController()
    let opened = 0

    const reading = read(connect(), { signal: controller.signal, onOpen: () => (opened += 1) })

    await expect.poll(() => opened).toBe(1)
    controller.abort()
    expect(await reading).toEqual([])
  })

  test('ends quietly when it is aborted, and tells the server', async () => {
    let stream: { readonly destroyed: boolean } | undefined
    server.answer((_request, response) => {
      response.writeHead(200, {})
      response.write(added('a') + added('b'))
      stream = response.stream
    })
    const controller = new AbortController()
    const seen: string[] = []
    for await (const event of connect().watch(disks, { resourceVersion: '5', signal: controller.signal })) {
      seen.push(text(event))
      controller.abort()
    }

    expect(seen).toEqual(['ADDED a'])
    await expect.poll(() => stream?.destroyed).toBe(true)
  })

  test('tells the server when the reader leaves', async () => {
    let stream: { readonly destroyed: boolean } | undefined
    server.answer((_request, response) => {
      response.writeHead(200, {})
      response.write(added('a'))
      stream = response.stream
    })
    const { signal } = new AbortController()

    for await (const _event of connect().watch(disks, { resourceVersion: '5', signal })) break

    await expect.poll(() => stream?.destroyed).toBe(true)
  })

  test('throws when the connection breaks', async () => {
    server.answer((_request, response) => {
      response.writeHead(200, {})
      response.write(added('a'), () => response.stream?.session?.socket.destroy())
    })

    await expect(read(connect())).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
  })

  test('throws when the server resets it', async () => {
    server.answer((_request, response) => {
      response.writeHead(200, {})
      response.write(added('a'), () => response.stream?.close(constants.NGHTTP2_INTERNAL_ERROR))
    })

    await expect(read(connect())).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
  })
})

describe('the connection', () => {
  const breaking: Answer = (_request, response) => void response.stream?.session?.socket.destroy()
  const refuse: Answer = (_request, response) => response.stream?.close(constants.NGHTTP2_REFUSED_STREAM)

  test('is opened again after the server ended it', async () => {
    server.answer(json(named('a')))
    const client = connect()
    await client.get(disks, key)

    server.sessions[0]?.close()
    await expect.poll(() => server.sessions[0]?.destroyed).toBe(true)
    await client.get(disks, key)

    expect(server.sessions).toHaveLength(2)
  })

  test('that breaks under a read has the read repeated once on a new one', async () => {
    server.answer(breaking, json(named('a')))

    await connect().get(disks, key)
    server.answer(breaking)

    await expect(connect().get(disks, key)).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
    expect(server.sessions).toHaveLength(4)
  })

  test('that breaks under a write leaves it to the caller to look what became of it', async () => {
    server.answer(breaking, json(named('a')))

    await expect(connect().create(disks, named('a'))).rejects.toMatchObject({ reason: 'ServiceUnavailable' })

    expect(server.seen).toHaveLength(1)
  })

  test('whose server refused a write unseen has it repeated once', async () => {
    server.answer(refuse, json(named('a')))
    await connect().create(disks, named('a'))
    expect(server.seen).toHaveLength(2)

    server.answer(refuse)
    await expect(connect().create(disks, named('a'))).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
  })

  test('on which a request timed out is kept when the server is merely slow', async () => {
    const clock = manualClock()
    server.answer(silence, json(named('a')))
    const client = connect({ clock, timeoutMs: 3_000 })

    const slow = client.get(disks, key)
    await expect.poll(() => server.seen.length).toBe(1)
    const [outcome] = await Promise.allSettled([slow, clock.advance(3_000)])
    expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'Timeout', code: 504 } })
    // The answer to the ping is on its way.
    await expect.poll(() => clock.pendingTimers().some((ms) => ms <= 1_000)).toBe(false)
    await clock.advance(1_000)
    await client.get(disks, key)

    expect(server.sessions).toHaveLength(1)
  })

  test('that is not made in time, and credentials that do not come, do not hold up a request beyond its time', async () => {
    // Takes connections and never says a word.
    const deaf = createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
    const { port } = deaf.address() as AddressInfo
    const clock = manualClock()
    const unanswered = { ...server.config(), server: `https://127.0.0.1:${port}` }
    const hanging = { ...server.config(), credentials: () => new Promise<never>(() => {}) }

    for (const config of [unanswered, hanging]) {
      const client = httpClient(config, { clock, timeoutMs: 2_000 })
      clients.push(client)
      const [outcome] = await Promise.allSettled([client.get(disks, key), clock.advance(2_000)])
      expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'Timeout' } })
    }

    await clock.advance(10_000)
    await new Promise((resolve) => deaf.close(resolve))
  })

  test('is closed with the client, and what is under way fails', async () => {
    server.answer(silence)
    const client = connect()
    const underWay = client.get(disks, key)
    await expect.poll(() => server.seen.length).toBe(1)

    await client.close()

    await expect(underWay).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
    await settle()
    await expect.poll(() => server.sessions[0]?.destroyed).toBe(true)
  })
})
