import { afterEach, describe, expect, test } from 'vitest'
import {
  type Change,
  type InformerOptions,
  type Informer,
  informer,
} from '../../../../apimachinery/client/informer.ts'
import { disks } from '../../../../apimachinery/client/resources.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import type { Disk } from '../../../../crds/v1alpha1/disk.ts'
import { aDisk } from '../../../support/builders.ts'
import { type ManualClock, manualClock, settle } from '../../../support/clock.ts'
import { fakeClient } from '../../../support/fake-client.ts'

const running: Informer<Disk>[] = []
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())))

function setUp(options: Partial<InformerOptions<Disk>> = {}) {
  const clock = manualClock()
  const client = fakeClient()
  const cache = informer({ client, resource: disks, clock, log: silentLogger, random: () => 1, ...options })
  running.push(cache)
  const changes: Change<Disk>[] = []
  cache.onChange((change) => changes.push(change))
  return { clock, client, cache, changes }
}

const named = (name: string, more: Parameters<typeof aDisk>[0] = {}) =>
  aDisk({ ...more, metadata: { name, uid: `uid-${name}`, ...more.metadata } })
const told = (changes: readonly Change<Disk>[]) =>
  changes.map(({ key, before, after }) => `${key}: ${before?.spec.size ?? '-'} > ${after?.spec.size ?? '-'}`)
const names = (objects: readonly Disk[]) => objects.map(({ metadata }) => metadata.name).toSorted()
/** What `look` sees after the longest back-off. */
async function nextTry<T>(clock: ManualClock, look: () => T): Promise<T> {
  await clock.advance(5_000)
  return look()
}
const update = { type: 'merge', body: { spec: { size: '2Gi' } } } as const
const key = { name: 'a', namespace: 'default' }

describe('the first listing', () => {
  test('fills the cache, tells every object and then says that it is synced', async () => {
    const { client, cache, changes } = setUp()
    client.seed(named('a'), named('b'))

    expect(cache.health().synced).toBe(false)
    cache.start()
    await cache.synced()

    expect(names(cache.list())).toEqual(['a', 'b'])
    expect(cache.get('default/a')?.spec.size).toBe('10Gi')
    expect(told(changes)).toEqual(['default/a: - > 10Gi', 'default/b: - > 10Gi'])
    expect(cache.health().synced).toBe(true)
  })

  test('is tried again until the server answers', async () => {
    const { clock, client, cache } = setUp()
    let failures = 3
    client.onCall(({ verb }) => {
      if (verb === 'list' && failures-- > 0) throw new StatusError('ServiceUnavailable', 'no answer')
    })

    cache.start()
    for (const delay of [100, 200, 400]) {
      await clock.timerSet((ms) => ms === delay)
      await clock.advance(delay)
    }

    await cache.synced()
  })

  test('waits as long as an overloaded server asks', async () => {
    const { clock, client, cache } = setUp()
    let failures = 1
    client.onCall(() => {
      const details = { retryAfterSeconds: 7 }
      if (failures-- > 0) throw new StatusError('TooManyRequests', 'slow down', { details })
    })

    cache.start()
    await clock.timerSet((ms) => ms === 7000)
    await clock.advance(7000)

    await cache.synced()
  })

  test('leaves those who wait with an error when the informer is stopped first', async () => {
    const { client, cache } = setUp()
    client.onCall(
      () => new Promise<void>((_resolve, reject) => setImmediate(() => reject(new Error('down')))),
    )
    cache.start()
    const waiting = cache.synced()

    await cache.stop()

    await expect(waiting).rejects.toThrow('the informer of disks was stopped')
  })

  test('can be waited for with a signal', async () => {
    const { cache } = setUp()

    await expect(cache.synced(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
  })
})

describe('the watch', () => {
  test('carries additions, changes and deletions into the cache, with old and new state', async () => {
    const { client, cache, changes } = setUp()
    cache.start()
    await cache.synced()

    client.seed(named('a'))
    await client.patch(disks, key, update)
    await client.delete(disks, key)

    await expect
      .poll(() => told(changes))
      .toEqual(['default/a: - > 10Gi', 'default/a: 10Gi > 2Gi', 'default/a: 2Gi > -'])
    expect(cache.list()).toEqual([])
  })

  test('continues after the last event when the server ends it', async () => {
    const { clock, client, cache, changes } = setUp()
    cache.start()
    await expect.poll(() => cache.health().connected).toBe(true)
    client.seed(named('a'))
    await settle()

    client.breakWatches()
    await clock.timerSet((ms) => ms <= 5_000)
    expect(cache.health().connected).toBe(false)
    client.seed(named('b'))
    await clock.advance(5_000)

    await expect.poll(() => names(cache.list())).toEqual(['a', 'b'])
    expect(changes).toHaveLength(2)
    expect(cache.health().connected).toBe(true)
  })

  test('continues after the last bookmark, so that a quiet resource never expires', async () => {
    const { clock, client, cache } = setUp()
    let lists = 0
    client.onCall(({ verb }) => {
      if (verb === 'list') lists += 1
    })
    cache.start()
    await expect.poll(() => cache.health().connected).toBe(true)

    client.expireWatches()
    client.sendBookmarks()
    await settle()
    client.breakWatches(new StatusError('ServiceUnavailable', 'connection lost'))
    await clock.timerSet((ms) => ms <= 5_000)
    await clock.advance(5_000)
    client.seed(named('a'))

    await expect.poll(() => names(cache.list())).toEqual(['a'])
    expect(lists).toBe(1)
  })

  test('lists again when the server has forgotten the version, and tells exactly the difference', async () => {
    const { clock, client, cache, changes } = setUp()
    client.seed(named('a'), named('b'), named('c'))
    cache.start()
    await expect.poll(() => cache.health().connected).toBe(true)
    changes.length = 0
    const up = client.onCall(() => {
      throw new StatusError('ServiceUnavailable', 'down')
    })

    client.breakWatches()
    await clock.timerSet((ms) => ms <= 5_000)
    up()
    await client.patch(disks, key, update)
    await client.delete(disks, { name: 'b', namespace: 'default' })
    client.seed(named('d'))
    client.expireWatches()

    await expect.poll(() => nextTry(clock, () => names(cache.list()))).toEqual(['a', 'c', 'd'])
    expect(told(changes).toSorted()).toEqual([
      'default/a: 10Gi > 2Gi',
      'default/b: 10Gi > -',
      'default/d: - > 10Gi',
    ])
  })

  test('tells an object that was made anew under its name as a deletion and an addition', async () => {
    const { clock, client, cache, changes } = setUp()
    client.seed(named('a'))
    cache.start()
    await expect.poll(() => cache.health().connected).toBe(true)

    client.breakWatches()
    await client.delete(disks, key)
    client.seed(named('a', { metadata: { uid: 'another' }, spec: { size: '3Gi' } }))
    client.expireWatches()

    await expect
      .poll(() => nextTry(clock, () => told(changes)))
      .toEqual(['default/a: - > 10Gi', 'default/a: 10Gi > -', 'default/a: - > 3Gi'])
  })

  test('is given up and opened again when nothing was heard for the idle timeout', async () => {
    const { clock, client, cache } = setUp({ idleTimeoutMs: 60_000 })
    let watches = 0
    client.onCall(({ verb }) => {
      if (verb === 'watch') watches += 1
    })
    cache.start()
    await expect.poll(() => cache.health().connected).toBe(true)

    await clock.advance(40_000)
    client.sendBookmarks()
    await settle()
    await clock.advance(59_000)
    expect(watches).toBe(1)
    expect(cache.health().silentMs).toBe(59_000)
    await clock.advance(2_000)

    await expect.poll(() => watches).toBe(2)
    await expect.poll(() => cache.health().silentMs).toBeLessThan(2_000)
  })

  test('backs off while it fails, with a limit', async () => {
    const { clock, client, cache } = setUp()
    client.onCall(({ verb }) => {
      if (verb === 'watch') throw new StatusError('Forbidden', 'not yours')
    })
    cache.start()
    await cache.synced()

    const delays: number[] = []
    for (let round = 0; round < 8; round++) {
      await clock.timerSet((ms) => ms <= 5_000)
      const [delay = 0] = clock.pendingTimers()
      delays.push(delay)
      await clock.advance(delay)
    }

    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000])
  })

  test('keeps what it holds within namespace and selectors', async () => {
    const { client, cache } = setUp({
      namespace: 'default',
      labelSelector: 'keep=yes',
      fieldSelector: 'metadata.name!=c',
    })
    const labels = { keep: 'yes' }
    client.seed(named('a', { metadata: { labels } }), named('b'), named('c', { metadata: { labels } }))
    client.seed(named('d', { metadata: { labels, namespace: 'other' } }))
    cache.start()
    await cache.synced()
    expect(names(cache.list())).toEqual(['a'])

    await client.patch(disks, key, { type: 'merge', body: { metadata: { labels: { keep: 'no' } } } })

    await expect.poll(() => cache.list()).toEqual([])
  })
})

describe('handlers', () => {
  test('that come late are told what is there already', async () => {
    const { client, cache } = setUp()
    client.seed(named('a'))
    cache.start()
    await cache.synced()
    const late: Change<Disk>[] = []

    cache.onChange((change) => late.push(change))

    expect(told(late)).toEqual(['default/a: - > 10Gi'])
  })

  test('that throw hurt nobody', async () => {
    const { client, cache, changes } = setUp()
    cache.onChange(() => {
      throw new Error('broken handler')
    })
    const after: Change<Disk>[] = []
    cache.onChange((change) => after.push(change))

    cache.start()
    client.seed(named('a'))

    await expect.poll(() => [changes.length, after.length]).toEqual([1, 1])
  })

  test('are told nothing more once they are taken off', async () => {
    const { client, cache, changes } = setUp()
    const gone: Change<Disk>[] = []
    const off = cache.onChange((change) => gone.push(change))
    cache.start()
    await cache.synced()

    off()
    client.seed(named('a'))

    await expect.poll(() => changes.length).toBe(1)
    expect(gone).toEqual([])
  })
})

describe('indexes', () => {
  const indexes = { domain: ({ spec }: Disk) => [spec.storageDomain.name] }

  test('follow every change', async () => {
    const { client, cache } = setUp({ indexes })
    client.seed(named('a', { spec: { storageDomain: { name: 'fast' } } }), named('b'))
    cache.start()
    await cache.synced()
    expect(names(cache.byIndex('domain', 'fast'))).toEqual(['a'])

    await client.patch(disks, key, { type: 'merge', body: { spec: { storageDomain: { name: 'default' } } } })

    await expect.poll(() => names(cache.byIndex('domain', 'default'))).toEqual(['a', 'b'])
    expect(cache.byIndex('domain', 'fast')).toEqual([])
    await client.delete(disks, key)
    await expect.poll(() => names(cache.byIndex('domain', 'default'))).toEqual(['b'])
  })

  test('that throw leave the object in the cache', async () => {
    const broken = (): string[] => {
      throw new Error('no')
    }
    const { client, cache } = setUp({ indexes: { broken } })
    client.seed(named('a'))
    cache.start()
    await cache.synced()

    expect(names(cache.list())).toEqual(['a'])
    expect(cache.byIndex('broken', 'x')).toEqual([])
  })

  test('must exist to be asked', () => {
    expect(() => setUp().cache.byIndex('none', 'x')).toThrow('there is no index none')
  })
})
