import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import type { StoredItem } from '../../../../apiserver/storage/storage.ts'
import { cacheFixture, caughtUp, never, prefix, recorder, vm } from './cache-fixture.ts'

const { start, memory } = cacheFixture()

describe('an opened resource', () => {
  test('holds what the store holds, with its revision as resourceVersion', async () => {
    const storage = memory()
    const stored: StoredItem[] = []
    for (const name of ['b', 'a', 'c']) stored.push(await storage.create(...vm(name)))
    const resource = await start(storage).open(prefix, never)

    expect(resource.synced).toBe(true)
    expect(resource.list(prefix).map((item) => item.key)).toEqual(['a', 'b', 'c'].map((name) => vm(name)[0]))
    const item = resource.get(vm('b')[0])
    expect(item?.revision).toBe(stored[0]?.revision)
    expect(item?.object).toMatchObject({
      metadata: { name: 'b', resourceVersion: String(stored[0]?.revision) },
    })
    expect(JSON.parse(item?.json.toString() ?? '')).toEqual(item?.object)
  })

  test('is listed in pages, however large it is', async () => {
    const storage = memory()
    for (let index = 0; index < 1203; index++) await storage.create(...vm(`vm-${index}`))
    const resource = await start(storage).open(prefix, never)

    expect(resource.list(prefix)).toHaveLength(1203)
  })

  test('lists one namespace', async () => {
    const storage = memory()
    await storage.create(...vm('a'))
    await storage.create(`${prefix}default-2/a`, vm('a')[1])
    const resource = await start(storage).open(prefix, never)

    expect(resource.list(`${prefix}default/`).map((item) => item.key)).toEqual([vm('a')[0]])
  })

  test('is the same for everybody who opens it', async () => {
    const caches = start(memory())

    const [one, other] = await Promise.all([caches.open(prefix, never), caches.open(prefix, never)])

    expect(one).toBe(other)
  })

  test('misses nothing that is written while it is being listed', async () => {
    const storage = memory()
    for (let index = 0; index < 900; index++) await storage.create(...vm(`old-${index}`))
    const caches = start(storage)
    const opening = caches.open(prefix, never)
    for (let index = 0; index < 300; index++) {
      await storage.create(...vm(`new-${index}`))
      await new Promise(setImmediate)
    }
    const resource = await opening
    await caughtUp(storage, resource)

    const { items } = await storage.list(prefix)
    expect(resource.list(prefix).map(({ key, revision }) => [key, revision])).toEqual(
      items.map(({ key, revision }) => [key, revision]),
    )
  })

  test('follows the store', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const created = await storage.create(...vm('a'))
    const updated = await storage.update(...vm('a', { n: 1 }), created.revision)
    const other = await storage.create(...vm('b'))
    await storage.delete(other.key, other.revision)
    await caughtUp(storage, resource)

    expect(resource.list(prefix)).toMatchObject([{ revision: updated.revision, object: { spec: { n: 1 } } }])
  })

  test('skips values that are not JSON objects, and says so once per key', async () => {
    const warnings: object[] = []
    const log = { ...silentLogger, warn: (_: string, fields = {}) => void warnings.push(fields) }
    const storage = memory()
    const protobuf = Buffer.from('k8s\0\n\u000f\n\u0002v1\u0012\u0009Namespace')
    const created = await storage.create(`${prefix}default/pb`, protobuf)
    const readable = await storage.create(...vm('a'))
    const resource = await start(storage, log).open(prefix, never)
    const events = recorder()
    resource.subscribe(prefix, readable.revision, events.subscriber)
    await storage.update(created.key, protobuf, created.revision)
    const gone = await storage.update(readable.key, protobuf, readable.revision)
    await caughtUp(storage, resource)

    expect(resource.list(prefix)).toEqual([])
    expect(events.seen()).toEqual([`DELETED a@${gone.revision}`])
    expect(warnings).toMatchObject([{ key: created.key }, { key: readable.key }])
  })

  test('can be dropped and opened again', async () => {
    const storage = memory()
    const caches = start(storage)
    const resource = await caches.open(prefix, never)
    const events = recorder()
    resource.subscribe(prefix, resource.revision, events.subscriber)

    caches.drop(prefix)
    await storage.create(...vm('a'))
    const again = await caches.open(prefix, never)
    await caughtUp(storage, again)

    expect(events.resets).toBe(1)
    expect(events.seen()).toEqual([])
    expect(again.list(prefix)).toHaveLength(1)
  })
})

describe('consistent reads', () => {
  test('see every write that was acknowledged before', async () => {
    const storage = memory()
    const caches = start(storage)
    const resource = await caches.open(prefix, never)
    for (let index = 0; index < 20; index++) {
      const { key } = await storage.create(...vm(`vm-${index}`))

      await resource.waitFor(await caches.consistentRevision(never), never)

      expect(resource.get(key)).toBeDefined()
    }
  })

  test('are not held up by writes outside every cached prefix', async () => {
    const storage = memory()
    const caches = start(storage)
    const resource = await caches.open(prefix, never)
    await storage.create('compact_rev_key', Buffer.from('1'))

    await resource.waitFor(await caches.consistentRevision(never), AbortSignal.timeout(5_000))

    expect(resource.revision).toBe(caches.revision)
  })

  test('end with their signal, and with the cache', async () => {
    const storage = memory()
    const caches = start(storage)
    const resource = await caches.open(prefix, never)
    const stop = new AbortController()
    const aborted = resource.waitFor(1_000_000, stop.signal)
    const closed = resource.waitFor(1_000_000, never)

    stop.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    await Promise.all([expect(closed).rejects.toMatchObject({ code: 'unavailable' }), caches.close()])

    await expect(caches.open(prefix, never)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(resource.waitFor(1_000_000, never)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
