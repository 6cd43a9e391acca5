import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configFromText } from '../../../apimachinery/client/config.ts'
import type { Client } from '../../../apimachinery/client/client.ts'
import { keyOf } from '../../../apimachinery/client/client.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import { type Informer, informer } from '../../../apimachinery/client/informer.ts'
import { disks } from '../../../apimachinery/client/resources.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { type Logger, silentLogger } from '../../../apimachinery/log.ts'
import { memoryStorage } from '../../../apiserver/storage/memory/memory-storage.ts'
import type { Disk } from '../../../crds/v1alpha1/disk.ts'
import { startTcpProxy, type TcpProxy } from '../../conformance/storage-tcp-proxy.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'

/** An informer behind a network that breaks, and a writer whose network does not. */
interface Scene {
  readonly writer: Client
  readonly proxy: TcpProxy
  readonly cache: Informer<Disk>
  /** What a reader would believe who only heard the changes; name to size. */
  readonly heard: Map<string, string>
  /** How often a change was heard that does not follow from the one before. */
  readonly contradictions: string[]
  /** What the informer logged. */
  readonly logged: string[]
}

const ends: (() => Promise<unknown>)[] = []
let directory: string
let server: TestApiServer
const storage = () => memoryStorage({ clock: systemClock })
let held: ReturnType<typeof storage>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-client-'))
  held = storage()
  server = await start()
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
  await server.close()
  await held.close()
  await rm(directory, { recursive: true, force: true })
})

/** With the certificates, and on the port, of the server before it. */
function start(port = 0): Promise<TestApiServer> {
  return startTestApiServer({
    storage: held,
    installCrds: 'crds',
    flags: { 'cert-dir': join(directory, 'certificates'), 'secure-port': port },
  })
}

async function setUp(): Promise<Scene> {
  const proxy = await startTcpProxy(server.url)
  const config = configFromText(server.adminKubeconfig)
  const writer = httpClient(config)
  const reader = httpClient(
    { ...config, server: proxy.endpoint.replace('http:', 'https:') },
    { timeoutMs: 2_000 },
  )
  const logged: string[] = []
  const note = (message: string) => void logged.push(message)
  const log: Logger = { ...silentLogger, info: note, warn: note, child: () => log }
  const cache = informer({ client: reader, resource: disks, clock: systemClock, log })
  ends.push(
    () => proxy.close(),
    () => writer.close(),
    () => reader.close(),
    () => cache.stop(),
  )
  const heard = new Map<string, string>()
  const contradictions: string[] = []
  cache.onChange(({ key, before, after }) => {
    const known = heard.get(key)
    const expected = before === undefined ? undefined : String(before.spec.size)
    if (known !== expected) contradictions.push(`${key}: ${known} is not ${expected}`)
    if (after === undefined) heard.delete(key)
    else heard.set(key, String(after.spec.size))
  })
  cache.start()
  await cache.synced()
  return { writer, proxy, cache, heard, contradictions, logged }
}

const key = (name: string) => ({ name, namespace: 'default' })

function disk(name: string, size: string): Disk {
  const metadata = key(name)
  return { apiVersion: 'kvorum.dev/v1alpha1', kind: 'Disk', metadata, spec: { size } as Disk['spec'] }
}

const resize = (client: Client, name: string, size: string) =>
  client.patch(disks, key(name), { type: 'merge', body: { spec: { size } } })

const sizes = (objects: readonly Disk[]) =>
  Object.fromEntries(objects.map((one) => [keyOf(one.metadata), String(one.spec.size)]))

/** The cache, and whoever only listened, know exactly what the server has. */
async function agrees({ writer, cache, heard, contradictions }: Scene): Promise<void> {
  const truth = sizes((await writer.list(disks)).items)
  await expect.poll(() => sizes(cache.list()), { timeout: 20_000 }).toEqual(truth)
  expect(Object.fromEntries(heard)).toEqual(truth)
  expect(contradictions).toEqual([])
}

/** Makes, grows and removes disks; a third of them stays. */
async function write(client: Client, count: number, between: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) {
    const name = `disk-${i}`
    await client.create(disks, disk(name, '1Gi'))
    if (i % 2 === 0) await resize(client, name, `${i + 2}Gi`)
    if (i % 3 !== 0) await client.delete(disks, key(name))
    await between()
  }
}

describe('an informer', () => {
  test('loses and repeats nothing while its connection is cut again and again, in the middle of events', async () => {
    const scene = await setUp()
    scene.proxy.cutEvery(15_000, 30)

    await write(scene.writer, 300, async () => {
      // Gives the reader a chance to come back between two cuts.
      await expect.poll(() => scene.cache.health().connected, { timeout: 20_000 }).toBe(true)
    })

    await agrees(scene)
    expect(scene.proxy.cuts).toBeGreaterThanOrEqual(20)
  })

  test('comes back from a network that swallows everything, although nobody closes the connection', async () => {
    const scene = await setUp()
    await scene.writer.create(disks, disk('before', '1Gi'))
    await agrees(scene)

    scene.proxy.holdAnswers()
    await scene.writer.create(disks, disk('during', '1Gi'))
    await expect.poll(() => scene.cache.health().connected, { timeout: 20_000 }).toBe(false)
    scene.proxy.letAnswersPass()

    await agrees(scene)
  })

  test('lists again when history was compacted while it was away, and tells exactly the difference', async () => {
    const scene = await setUp()
    for (const name of ['kept', 'grown', 'removed']) await scene.writer.create(disks, disk(name, '1Gi'))
    await agrees(scene)
    const told: string[] = []
    scene.cache.onChange(({ key: name, before, after }) => {
      told.push(`${name}: ${before?.spec.size ?? '-'} > ${after?.spec.size ?? '-'}`)
    })
    told.length = 0

    scene.proxy.holdAnswers()
    scene.proxy.cut()
    scene.proxy.holdAnswers()
    await resize(scene.writer, 'grown', '2Gi')
    await scene.writer.delete(disks, key('removed'))
    await scene.writer.create(disks, disk('new', '3Gi'))
    await compactAll(scene.writer)
    scene.proxy.cut()
    scene.proxy.letAnswersPass()

    await agrees(scene)
    expect(scene.logged).toContain('Listing again, the watch has expired')
    expect(told.toSorted()).toEqual([
      'default/grown: 1Gi > 2Gi',
      'default/new: - > 3Gi',
      'default/removed: 1Gi > -',
    ])
  })

  test('survives the restart of the server, and what happened before and after it', async () => {
    const scene = await setUp()
    await write(scene.writer, 20, async () => {})
    const port = Number(new URL(server.url).port)

    await server.close()
    await expect.poll(() => scene.cache.health().connected, { timeout: 20_000 }).toBe(false)
    server = await start(port)
    await scene.writer.create(disks, disk('after', '7Gi'))

    await agrees(scene)
    expect(scene.logged).not.toContain('Handler of a change failed')
    expect(scene.cache.get('default/after')?.spec.size).toBe('7Gi')
  })

  test('ends at once although its watch is open', async () => {
    const { cache } = await setUp()
    await expect.poll(() => cache.health().connected).toBe(true)

    await cache.stop()

    expect(cache.health().connected).toBe(false)
  })
})

/** Restarts the server without its history, as a compaction and a restart of etcd's clients do. */
async function compactAll(writer: Client): Promise<void> {
  const { resourceVersion } = await writer.list(disks)
  const port = Number(new URL(server.url).port)
  await server.close()
  await held.compact(Number(resourceVersion))
  server = await start(port)
}
