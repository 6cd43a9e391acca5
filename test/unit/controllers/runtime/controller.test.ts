import { describe, expect, test } from 'vitest'
import { disks } from '../../../../apimachinery/client/resources.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import { type Outcome, proceed, retryAfter, stalled } from '../../../../controllers/runtime/reconciler.ts'
import { aDisk } from '../../../support/builders.ts'
import { settle } from '../../../support/clock.ts'
import { key, setUp } from './controller-fixtures.ts'

const grow = { type: 'merge', body: { spec: { size: '20Gi' } } } as const

describe('a controller', () => {
  test('looks at every object that is there, and again whenever one changes', async () => {
    const { client, follow, run } = setUp()
    client.seed(aDisk())
    const sizes: unknown[] = []
    run(follow(disks), async (_ctx, disk) => {
      sizes.push(disk.spec.size)
      return proceed
    })

    await expect.poll(() => sizes.at(-1)).toBe('10Gi')
    await client.patch(disks, key, grow)

    await expect.poll(() => sizes.at(-1)).toBe('20Gi')
  })

  test('comes to rest: its own write wakes it once, and then there is nothing left to do', async () => {
    const { client, follow, run, passes } = setUp()
    client.seed(aDisk())
    let patches = 0
    client.onCall(({ verb }) => {
      if (verb === 'patch') patches += 1
    })
    run(follow(disks), async (_ctx, disk) => {
      disk.status = { ...disk.status, phase: 'Ready' }
      return proceed
    })

    await expect.poll(async () => (await client.get(disks, key)).status?.observedGeneration).toBe(1)
    await settle()

    expect(patches).toBe(1)
    expect((await passes())['done']).toBe(2)
  })

  test('binds controller, object and pass to what steps log', async () => {
    const { client, follow, run, lines } = setUp()
    client.seed(aDisk())
    run(follow(disks), async (ctx) => {
      ctx.log.info('Looking')
      return proceed
    })

    await expect.poll(() => lines.filter(({ message }) => message === 'Looking').length).toBeGreaterThan(0)
    expect(lines[0]?.fields).toMatchObject({
      controller: 'test',
      object: 'default/disk-1',
      reconcileID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    })
  })

  test('never has two passes over one object at a time', async () => {
    const { client, follow, run } = setUp()
    client.seed(aDisk())
    let active = 0
    let most = 0
    let passes = 0
    const controller = run(follow(disks), async () => {
      most = Math.max(most, ++active)
      await settle()
      active -= 1
      passes += 1
      return proceed
    })

    for (let i = 0; i < 20; i++) {
      controller.enqueue('default/disk-1')
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => passes).toBeGreaterThan(1)

    expect(most).toBe(1)
  })

  test('works on as many objects at a time as it was told to', async () => {
    const { client, follow, run } = setUp()
    for (let i = 0; i < 6; i++) client.seed(aDisk({ metadata: { name: `disk-${i}` } }))
    let active = 0
    let most = 0
    let passes = 0
    run(
      follow(disks),
      async () => {
        most = Math.max(most, ++active)
        await settle()
        active -= 1
        passes += 1
        return proceed
      },
      { concurrency: 3 },
    )

    await expect.poll(() => passes).toBeGreaterThanOrEqual(6)
    expect(most).toBe(3)
  })

  test('does not look at an object before the cache has its own last write', async () => {
    const { client, clock, follow, run, passes } = setUp()
    client.seed(aDisk())
    const following = follow(disks)
    await expect.poll(() => following.health().connected).toBe(true)
    // From here on the cache lags until the clock moves.
    client.breakWatches()
    await expect.poll(() => following.health().connected).toBe(false)
    const seen: unknown[] = []
    const controller = run(following, async (_ctx, disk) => {
      seen.push(disk.status?.phase)
      disk.status = { ...disk.status, phase: 'Ready' }
      return proceed
    })
    await expect.poll(async () => (await client.get(disks, key)).status?.phase).toBe('Ready')
    await settle()

    controller.enqueue('default/disk-1')
    controller.enqueue('default/disk-1')
    await expect.poll(async () => (await passes())['stale']).toBe(1)
    expect(seen).toEqual([undefined])
    await clock.advance(5_000)

    await expect.poll(() => seen).toEqual([undefined, 'Ready'])
  })

  test('waits half a minute for that and no longer: the lock guards the write', async () => {
    const { client, clock, follow, run, passes } = setUp()
    client.seed(aDisk())
    const following = follow(disks)
    await expect.poll(() => following.health().connected).toBe(true)
    client.onCall(({ verb }) => {
      if (verb === 'watch') throw new StatusError('ServiceUnavailable', 'down')
    })
    client.breakWatches()
    await expect.poll(() => following.health().connected).toBe(false)
    const controller = run(following, async (_ctx, disk) => {
      disk.status = { ...disk.status, phase: 'Ready' }
      return proceed
    })
    await expect.poll(async () => (await client.get(disks, key)).status?.phase).toBe('Ready')
    await settle()

    controller.enqueue('default/disk-1')
    await clock.advance(29_000)
    expect(await passes()).toEqual({ done: 1, stale: 1 })
    await clock.advance(1_000)

    expect(await passes()).toEqual({ done: 1, stale: 1, conflict: 1 })
  })

  test('leaves alone what is gone', async () => {
    const { client, follow, run, passes } = setUp()
    const following = follow(disks)
    await following.synced()
    const controller = run(following, async () => proceed)

    controller.enqueue('default/none')
    client.seed(aDisk())
    await expect.poll(async () => (await passes())['done']).toBeGreaterThan(0)
    await client.delete(disks, key)
    await settle()

    expect(Object.keys(await passes())).toEqual(['done'])
  })
})

describe('after a pass that', () => {
  async function outcomes(outcome: () => Promise<Outcome>) {
    const all = setUp()
    const { client, clock, follow, run } = all
    client.seed(aDisk({ status: { observedGeneration: 1 } }))
    const following = follow(disks)
    await following.synced()
    const times: number[] = []
    run(following, () => {
      times.push(clock.monotonic())
      return outcome()
    })
    await settle()
    return { ...all, times }
  }

  test.each([
    ['is done', proceed],
    ['is stalled', stalled],
  ])('%s, the object is left alone until something happens', async (_name, outcome) => {
    const { clock, client, times } = await outcomes(async () => outcome)

    await clock.advance(3_600_000)
    expect(times).toHaveLength(1)
    await client.patch(disks, key, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })

    await expect.poll(() => times).toHaveLength(2)
  })

  test('asks for another look, it gets that then', async () => {
    const { clock, times, passes } = await outcomes(async () => retryAfter(5_000))

    await clock.advance(15_000)

    expect(times).toEqual([0, 5_000, 10_000, 15_000])
    expect(await passes()).toEqual({ retry: 4 })
  })

  test('fails, the object is looked at again with back-off, and each failure is logged once', async () => {
    let failures = 3
    const { clock, times, lines, passes, runtime } = await outcomes(async () => {
      if (failures-- > 0) throw new Error('boom')
      return proceed
    })

    await clock.advance(60_000)

    expect(times).toEqual([0, 50, 150, 350])
    expect(lines.filter(({ level }) => level === 'error').map(({ fields }) => fields['error'])).toEqual([
      new Error('boom'),
      new Error('boom'),
      new Error('boom'),
    ])
    expect(await passes()).toEqual({ error: 3, done: 1 })
    expect((await runtime.metrics.queueRetries.get()).values[0]?.value).toBe(3)
  })

  test('met a conflict, it is repeated quietly', async () => {
    let conflicts = 2
    const { clock, times, lines, passes } = await outcomes(async () => {
      if (conflicts-- > 0) throw new StatusError('Conflict', 'changed')
      return proceed
    })

    await clock.advance(60_000)

    expect(times).toHaveLength(3)
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([])
    expect(await passes()).toEqual({ conflict: 2, done: 1 })
  })

  test('could not reach the server, that is a warning and no error', async () => {
    const { lines } = await outcomes(() => Promise.reject(new StatusError('ServiceUnavailable', 'down')))

    expect(lines.map(({ level }) => level)).toEqual(['warn'])
  })
})

test('metrics are in the registry that was passed in', async () => {
  const { client, follow, run, registry, passes } = setUp()
  client.seed(aDisk())
  run(follow(disks), async () => proceed)
  await expect.poll(async () => (await passes())['done']).toBeGreaterThan(0)

  const text = await registry.metrics()

  expect(text).toContain('kvorum_reconcile_total{controller="test",result="done"}')
  expect(text).toContain('kvorum_reconcile_seconds_count{controller="test"}')
  expect(text).toContain('kvorum_workqueue_depth{controller="test"} 0')
})
