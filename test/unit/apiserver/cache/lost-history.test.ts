import { describe, expect, test } from 'vitest'
import type { Storage, StorageBatch } from '../../../../apiserver/storage/storage.ts'
import { StorageError } from '../../../../apiserver/storage/storage.ts'
import { cacheFixture, caughtUp, never, prefix, recorder, vm } from './cache-fixture.ts'

const { start, memory } = cacheFixture()

/** Wraps `storage` so that its watch can be made to lose its place. */
function forgetful(storage: Storage) {
  let lose = () => {}
  let gate = Promise.resolve()
  const watch = async function* (
    under: string,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<StorageBatch> {
    const inner = new AbortController()
    lose = () => inner.abort()
    yield* storage.watch(under, after, AbortSignal.any([signal, inner.signal]))
    if (signal.aborted) return
    await gate
    throw new StorageError('compacted', 'lost')
  }
  const wrapped: Storage = {
    get: (...args) => storage.get(...args),
    list: (...args) => storage.list(...args),
    create: (...args) => storage.create(...args),
    update: (...args) => storage.update(...args),
    delete: (...args) => storage.delete(...args),
    currentRevision: (...args) => storage.currentRevision(...args),
    compact: (...args) => storage.compact(...args),
    close: () => storage.close(),
    watch,
  }
  return {
    storage: wrapped,
    /** Ends the watch; what `meanwhile` writes is not seen by it. */
    async away(this: void, meanwhile: () => Promise<void>) {
      let open = () => {}
      gate = new Promise((resolve) => {
        open = () => resolve()
      })
      lose()
      await meanwhile()
      open()
    },
  }
}

describe('when the storage watch loses its place', () => {
  test('what changed meanwhile arrives as events in revision order', async () => {
    const { storage, away } = forgetful(memory())
    const resource = await start(storage).open(prefix, never)
    const kept = await storage.create(...vm('kept'))
    const changed = await storage.create(...vm('changed'))
    const gone = await storage.create(...vm('gone'))
    const replaced = await storage.create(...vm('replaced', { uid: 'one' }))
    await caughtUp(storage, resource)
    const events = recorder()
    resource.subscribe(prefix, resource.revision, events.subscriber)

    const expected: string[] = []
    await away(async () => {
      const again = await storage.update(...vm('changed', { n: 1 }), changed.revision)
      const added = await storage.create(...vm('added'))
      await storage.delete(replaced.key, replaced.revision)
      const other = await storage.create(...vm('replaced', { uid: 'two' }))
      const deleted = await storage.delete(gone.key, gone.revision)
      expected.push(
        `MODIFIED changed@${again.revision}`,
        `ADDED added@${added.revision}`,
        `DELETED replaced@${other.revision - 1}`,
        `ADDED replaced@${other.revision}`,
        `DELETED gone@${deleted}`,
      )
    })
    await caughtUp(storage, resource)

    expect(events.seen()).toEqual(expected)
    expect(events.resets).toBe(0)
    expect(resource.get(kept.key)?.revision).toBe(kept.revision)
    expect(resource.list(prefix)).toHaveLength(4)
  })

  test('subscriptions go on afterwards', async () => {
    const { storage, away } = forgetful(memory())
    const resource = await start(storage).open(prefix, never)
    const events = recorder()
    resource.subscribe(prefix, resource.revision, events.subscriber)
    await away(async () => void (await storage.create(...vm('a'))))
    await caughtUp(storage, resource)

    const later = await storage.create(...vm('b'))
    await caughtUp(storage, resource)

    expect(events.seen().at(-1)).toBe(`ADDED b@${later.revision}`)
    expect(events.events).toHaveLength(2)
  })

  test('and the store is another one with a shorter history, clients have to start anew', async () => {
    const first = memory()
    const second = memory()
    for (let index = 0; index < 5; index++) await first.create(...vm(`vm-${index}`))
    const { revision } = await second.create(...vm('restored'))
    let current = first
    const { storage, away } = forgetful({
      ...first,
      get: (...args) => current.get(...args),
      list: (...args) => current.list(...args),
      currentRevision: (...args) => current.currentRevision(...args),
      watch: (...args) => current.watch(...args),
    })
    const resource = await start(storage).open(prefix, never)
    const events = recorder()
    resource.subscribe(prefix, resource.revision, events.subscriber)

    await away(async () => {
      current = second
      return Promise.resolve()
    })
    await expect.poll(() => resource.list(prefix).map((item) => item.key)).toEqual([vm('restored')[0]])

    expect(events.resets).toBe(1)
    expect(resource.revision).toBe(revision)
  })
})
