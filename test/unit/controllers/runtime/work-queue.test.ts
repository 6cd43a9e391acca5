import { describe, expect, test } from 'vitest'
import { WorkQueue, type WorkQueueOptions } from '../../../../controllers/runtime/work-queue.ts'
import { manualClock, settle } from '../../../support/clock.ts'

function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = manualClock()
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  /** Work that ends when the test says so. */
  const work = (key: string) => {
    begun.push(key)
    return new Promise<void>((resolve) => ends.set(key, resolve))
  }
  const queue = new WorkQueue({ clock, concurrency: 2, work, random: () => 1, ...options })
  const end = async (key: string) => {
    ends.get(key)?.()
    await settle()
  }
  return { clock, queue, begun, end }
}

describe('add', () => {
  test('begins work as soon as a worker is free, first come first served', async () => {
    const { queue, begun, end } = setUp()

    for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
    await settle()
    expect(begun).toEqual(['a', 'b'])
    expect(queue.depth).toBe(2)
    await end('b')

    expect(begun).toEqual(['a', 'b', 'c'])
  })

  test('of a key that waits changes nothing', async () => {
    const { queue, begun, end } = setUp({ concurrency: 1 })

    for (const key of ['a', 'b', 'b', 'b', 'c']) queue.add(key)
    await settle()
    for (const key of ['a', 'b', 'c']) await end(key)

    expect(begun).toEqual(['a', 'b', 'c'])
  })

  test('of a key that is worked on has it worked on once more, and never twice at a time', async () => {
    const { queue, begun, end } = setUp()
    queue.add('a')
    await settle()

    queue.add('a')
    queue.add('a')
    await settle()
    expect(begun).toEqual(['a'])
    await end('a')
    expect(begun).toEqual(['a', 'a'])
    await end('a')

    expect(begun).toEqual(['a', 'a'])
  })

  test('begins nothing in the turn of the caller', () => {
    const { queue, begun } = setUp()

    queue.add('a')

    expect(begun).toEqual([])
  })

  test('lets everything else in the process go on between passes that wait for nothing', async () => {
    let turns = 0
    let left = 50
    const { queue } = setUp({ concurrency: 1, work: async () => void (left -= 1) })
    const count = () => {
      turns += 1
      if (left > 0) setImmediate(count)
    }

    for (let key = 0; key < 50; key++) queue.add(String(key))
    count()
    await expect.poll(() => left).toBe(0)

    expect(turns).toBeGreaterThanOrEqual(50)
  })
})

describe('addAfter', () => {
  test('waits', async () => {
    const { clock, queue, begun } = setUp()

    queue.addAfter('a', 1_000)
    await clock.advance(999)
    expect(begun).toEqual([])
    await clock.advance(1)

    expect(begun).toEqual(['a'])
  })

  test('keeps the earliest of several times', async () => {
    const { clock, queue, begun, end } = setUp()

    queue.addAfter('a', 3_000)
    queue.addAfter('a', 1_000)
    queue.addAfter('a', 2_000)
    await clock.advance(1_000)
    expect(begun).toEqual(['a'])
    await end('a')
    await clock.advance(60_000)

    expect(begun).toEqual(['a'])
  })

  test('is forgotten once the key is worked on, which decides anew', async () => {
    const { clock, queue, begun, end } = setUp()

    queue.addAfter('a', 1_000)
    queue.add('a')
    await settle()
    await end('a')
    await clock.advance(60_000)

    expect(begun).toEqual(['a'])
  })
})

describe('retry', () => {
  test('waits twice as long each time, up to a minute, until the key is forgotten', async () => {
    const { clock, queue, begun, end } = setUp()
    const delays: number[] = []
    for (let i = 0; i < 13; i++) {
      queue.retry('a')
      const [delay = 0] = clock.pendingTimers()
      delays.push(delay)
      await clock.advance(delay)
      await end('a')
    }
    expect(delays).toEqual([50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000])
    expect(begun).toHaveLength(13)

    queue.forget('a')
    queue.retry('a')

    expect(clock.pendingTimers()).toEqual([50])
  })

  test('of one key leaves the others alone, and jitter spreads them', () => {
    const { clock, queue } = setUp({ random: () => 0 })

    queue.retry('a')
    queue.retry('b')

    expect(clock.pendingTimers()).toEqual([25, 25])
  })
})

describe('close', () => {
  test('waits for work under way and begins nothing more', async () => {
    const { clock, queue, begun, end } = setUp({ concurrency: 1 })
    queue.add('a')
    queue.add('b')
    queue.addAfter('c', 1_000)
    await settle()
    queue.add('a')
    let closed = false

    const closing = queue.close().then(() => (closed = true))
    await clock.advance(60_000)
    queue.add('d')
    queue.retry('e')
    await settle()
    expect(closed).toBe(false)
    await end('a')
    await closing

    expect(begun).toEqual(['a'])
    expect(clock.pendingTimers()).toEqual([])
  })

  test('of an idle queue resolves at once, even if something was about to begin', async () => {
    const { queue, begun } = setUp()
    queue.add('a')

    await queue.close()
    await settle()

    expect(begun).toEqual([])
  })
})

test('the depth is told as it changes', async () => {
  const depths: number[] = []
  const { queue, end } = setUp({ concurrency: 1, onDepth: (depth) => depths.push(depth) })

  for (const key of ['a', 'b', 'c']) queue.add(key)
  await settle()
  await end('a')
  await end('b')

  expect(depths).toEqual([1, 2, 3, 2, 1, 0])
})
