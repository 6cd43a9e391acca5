import { afterEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../../../apimachinery/clock.ts'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { runCompactor } from '../../../../apiserver/storage/compactor.ts'
import { memoryStorage } from '../../../../apiserver/storage/memory/memory-storage.ts'
import type { Storage } from '../../../../apiserver/storage/storage.ts'
import { isStorageError } from '../../../../apiserver/storage/storage.ts'

const sharedKey = 'compact_rev_key'
const started: AbortController[] = []
afterEach(() => {
  for (const stop of started.splice(0)) stop.abort()
})

/** A clock that stands still until `tick`; `tick` resolves when whoever slept has gone back to sleep. */
function steppedClock(sleepers: number) {
  let sleeping: (() => void)[] = []
  const isAsleep = async () => {
    await expect.poll(() => sleeping.length).toBe(sleepers)
  }
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_, run) {
      sleeping.push(run)
      return () => void (sleeping = sleeping.filter((other) => other !== run))
    },
  }
  return {
    clock,
    async tick(this: void) {
      await isAsleep()
      for (const wake of sleeping.splice(0)) wake()
      await isAsleep()
    },
  }
}

function start(storage: Storage, clock: Clock): void {
  const stop = new AbortController()
  started.push(stop)
  void runCompactor({ storage, clock, log: silentLogger }, stop.signal)
}

/** Counts the compactions that `storage` carries out. */
function counting(storage: Storage) {
  const compactions: number[] = []
  const compact = storage.compact.bind(storage)
  storage.compact = async (revision) => {
    await compact(revision)
    compactions.push(revision)
  }
  return compactions
}

async function isCompacted(storage: Storage, revision: number): Promise<boolean> {
  return storage.get('/a', { revision }).then(
    () => false,
    (error: unknown) => isStorageError(error, 'compacted'),
  )
}

describe('the compactor', () => {
  test('forgets what is older than one interval, and keeps what is younger', async () => {
    const storage = memoryStorage()
    const { clock, tick } = steppedClock(1)
    const first = await storage.create('/a', Buffer.from('1'))
    start(storage, clock)
    await tick()
    const second = await storage.update('/a', Buffer.from('2'), first.revision)
    const third = await storage.update('/a', Buffer.from('3'), second.revision)
    expect(await isCompacted(storage, first.revision)).toBe(false)

    await tick()
    const fourth = await storage.update('/a', Buffer.from('4'), third.revision)
    await tick()

    expect(await isCompacted(storage, second.revision)).toBe(true)
    expect(await isCompacted(storage, fourth.revision)).toBe(false)
    expect((await storage.get('/a')).item).toEqual(fourth)
  })

  test('runs once per interval however many replicas there are', async () => {
    const storage = memoryStorage()
    const compactions = counting(storage)
    const { clock, tick } = steppedClock(3)
    for (let replica = 0; replica < 3; replica++) start(storage, clock)

    for (let round = 1; round <= 4; round++) {
      await storage.create(`/key-${round}`, Buffer.from('x'))
      await tick()
    }

    expect(compactions).toHaveLength(4)
    expect(compactions).toEqual(compactions.toSorted((one, other) => one - other))
  })

  test('leaves the work to another server that advances the shared key', async () => {
    const storage = memoryStorage()
    const compactions = counting(storage)
    const { clock, tick } = steppedClock(1)
    start(storage, clock)
    let other = await storage.create(sharedKey, Buffer.from('1'))

    for (let round = 0; round < 3; round++) {
      await tick()
      other = await storage.update(sharedKey, Buffer.from(`${round}`), other.revision)
    }

    expect(compactions).toEqual([])
  })

  test('goes on after a store that failed', async () => {
    const storage = memoryStorage()
    const compactions = counting(storage)
    const { clock, tick } = steppedClock(1)
    const create = storage.create.bind(storage)
    storage.create = () => Promise.reject(new Error('down'))
    start(storage, clock)
    await tick()

    storage.create = create
    await tick()

    expect(compactions).toHaveLength(1)
  })
})
