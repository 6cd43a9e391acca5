import { describe, expect, test } from 'vitest'
import { cacheFixture, caughtUp, never, prefix, recorder, vm } from './cache-fixture.ts'

const { start, memory } = cacheFixture()

describe('a subscription', () => {
  test('replays what the cache still knows and goes on, with the state before each change', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const first = await storage.create(...vm('a'))
    const second = await storage.update(...vm('a', { n: 1 }), first.revision)
    await caughtUp(storage, resource)
    const events = recorder()

    resource.subscribe(prefix, first.revision, events.subscriber)
    expect(events.seen()).toEqual([`MODIFIED a@${second.revision}`])
    const deleted = await storage.delete(second.key, second.revision)
    await caughtUp(storage, resource)

    expect(events.seen()).toEqual([`MODIFIED a@${second.revision}`, `DELETED a@${deleted}`])
    expect(events.events).toMatchObject([
      { previous: { revision: first.revision } },
      {
        previous: { revision: second.revision },
        item: { object: { metadata: { resourceVersion: String(deleted) } } },
      },
    ])
  })

  test('gets the changes of one tick in one call', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const events = recorder()
    resource.subscribe(prefix, resource.revision, events.subscriber)

    await Promise.all(Array.from({ length: 50 }, (_, index) => storage.create(...vm(`vm-${index}`))))
    await caughtUp(storage, resource)

    expect(events.events).toHaveLength(50)
    expect(events.calls).toEqual([await storage.currentRevision()])
  })

  test('of a namespace gets that namespace only', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const events = recorder()
    resource.subscribe(`${prefix}default/`, resource.revision, events.subscriber)

    await storage.create(`${prefix}other/a`, vm('a')[1])
    const mine = await storage.create(...vm('b'))
    await caughtUp(storage, resource)

    expect(events.seen()).toEqual([`ADDED b@${mine.revision}`])
  })

  test('from a revision that the cache does not have yet gets only what comes after it', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const events = recorder()
    const first = (await storage.currentRevision()) + 1
    resource.subscribe(prefix, first, events.subscriber)

    await storage.create(...vm('a'))
    const second = await storage.create(...vm('b'))
    await caughtUp(storage, resource)

    expect(events.seen()).toEqual([`ADDED b@${second.revision}`])
  })

  test('that is ended gets nothing more, and one that throws does not cost others their events', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    const [ended, healthy] = [recorder(), recorder()]
    const end = resource.subscribe(prefix, resource.revision, ended.subscriber)
    resource.subscribe(prefix, resource.revision, {
      onEvents() {
        throw new Error('broken')
      },
      onReset() {},
    })
    resource.subscribe(prefix, resource.revision, healthy.subscriber)

    end()
    await storage.create(...vm('a'))
    await caughtUp(storage, resource)

    expect(ended.seen()).toEqual([])
    expect(healthy.seen()).toHaveLength(1)
  })

  test('resumes where it was when the server has been restarted meanwhile', async () => {
    const storage = memory()
    const caches = start(storage)
    const before = await caches.open(prefix, never)
    const first = await storage.create(...vm('a'))
    await caughtUp(storage, before)
    await caches.close()
    const second = await storage.update(...vm('a', { n: 1 }), first.revision)
    const third = await storage.create(...vm('b'))

    const after = await start(storage).open(prefix, never)
    const events = recorder()
    after.subscribe(prefix, first.revision, events.subscriber)

    expect(events.seen()).toEqual([`MODIFIED a@${second.revision}`, `ADDED b@${third.revision}`])
    expect(events.events[0]).toMatchObject({ previous: { revision: first.revision } })
  })

  test('from before the history of the store is refused', async () => {
    const storage = memory()
    const first = await storage.create(...vm('a'))
    const second = await storage.update(...vm('a', { n: 1 }), first.revision)
    await storage.compact(second.revision)
    const resource = await start(storage).open(prefix, never)

    expect(() => resource.subscribe(prefix, first.revision, recorder().subscriber)).toThrow(
      expect.objectContaining({ code: 'compacted' }),
    )
    expect(resource.list(prefix)).toHaveLength(1)
  })

  test('from further back than the last 10,000 events is refused, a younger one is served', async () => {
    const storage = memory()
    const resource = await start(storage).open(prefix, never)
    let { revision } = await storage.create(...vm('a'))
    for (let n = 0; n < 13_000; n++) ({ revision } = await storage.update(...vm('a', { n }), revision))
    await caughtUp(storage, resource)
    const events = recorder()

    expect(() => resource.subscribe(prefix, 1, recorder().subscriber)).toThrow(
      expect.objectContaining({ code: 'compacted' }),
    )
    resource.subscribe(prefix, revision - 9_000, events.subscriber)
    expect(events.events).toHaveLength(9_000)
  })
})
