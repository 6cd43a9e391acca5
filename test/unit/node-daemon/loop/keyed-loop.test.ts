import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import { conflict } from '../../../../apimachinery/status-error.ts'
import { KeyedLoop, type KeyedLoopOptions } from '../../../../node-daemon/loop/keyed-loop.ts'
import { type ManualClock, manualClock, settle } from '../../../support/clock.ts'

let clock: ManualClock
let passes: string[]
let loop: KeyedLoop
beforeEach(() => {
  clock = manualClock()
  passes = []
})
afterEach(() => loop.stop())

function start(overrides: Partial<KeyedLoopOptions> = {}): KeyedLoop {
  const run = async (key: string) => void passes.push(key)
  loop = new KeyedLoop({
    name: 'test',
    clock,
    log: silentLogger,
    run: (key) => run(key).then(() => undefined),
    ...overrides,
  })
  loop.start()
  return loop
}

/** A pass that lasts until `end` is called. */
function slowPass() {
  let ends: (() => void)[] = []
  return {
    run: (key: string) => {
      passes.push(key)
      return new Promise<undefined>((resolve) => ends.push(() => resolve(undefined)))
    },
    async end() {
      for (const end of ends) end()
      ends = []
      await settle()
    },
  }
}

describe('a loop over keys', () => {
  test('makes one pass of many wishes', async () => {
    start()
    for (let wish = 0; wish < 100; wish++) loop.enqueue('a')
    await settle()
    expect(passes).toEqual(['a'])
    expect(loop.idle).toBe(true)
  })

  test('keeps wishes from before its start', async () => {
    loop = new KeyedLoop({
      name: 'test',
      clock,
      log: silentLogger,
      run: async (key) => void passes.push(key) as undefined,
    })
    loop.enqueue('a')
    await settle()
    expect(passes).toEqual([])
    loop.start()
    await settle()
    expect(passes).toEqual(['a'])
  })

  test('never works on one key twice at the same time, and forgets no wish', async () => {
    const slow = slowPass()
    start({ run: slow.run })
    loop.enqueue('a')
    await settle()
    loop.enqueue('a')
    loop.enqueue('a')
    await settle()
    expect(passes).toEqual(['a'])
    await slow.end()
    expect(passes).toEqual(['a', 'a'])
    await slow.end()
    expect(passes).toEqual(['a', 'a'])
  })

  test('works on as many keys at a time as it may', async () => {
    const slow = slowPass()
    start({ run: slow.run, concurrency: 2 })
    for (const key of ['a', 'b', 'c']) loop.enqueue(key)
    await settle()
    expect(passes).toEqual(['a', 'b'])
    await slow.end()
    expect(passes).toEqual(['a', 'b', 'c'])
    await slow.end()
  })

  test('looks again when a pass asks for it, the sooner of two', async () => {
    start({ run: async (key) => (passes.push(key) === 1 ? 5_000 : undefined) })
    loop.enqueue('a')
    await settle()
    loop.enqueueAfter('a', 2_000)
    await clock.advance(1_999)
    expect(passes).toHaveLength(1)
    await clock.advance(1)
    await settle()
    expect(passes).toHaveLength(2)
    await clock.advance(60_000)
    expect(passes).toHaveLength(2)
  })

  test('repeats what failed, later and later, and at once when asked', async () => {
    start({
      run: async (key) => {
        passes.push(key)
        throw new Error('no')
      },
    })
    loop.enqueue('a')
    await settle()
    await clock.advance(100)
    await settle()
    expect(passes).toHaveLength(2)
    await clock.advance(199)
    await settle()
    expect(passes).toHaveLength(2)
    loop.enqueue('a')
    await settle()
    expect(passes).toHaveLength(3)
    await clock.advance(3_600_000)
    await settle()
    // 30 s apart at most, and hardly less.
    expect(passes.length).toBeGreaterThan(110)
    expect(passes.length).toBeLessThan(140)
  })

  test('does not complain about concurrent changes', async () => {
    const warned: string[] = []
    const log = { ...silentLogger, warn: (message: string) => void warned.push(message) }
    const ref = { group: 'kvorum.dev', resource: 'disks' }
    let failures = 0
    start({
      log,
      run: async () => {
        failures += 1
        throw failures === 1 ? conflict(ref, 'a', 'it changed') : new Error('broken')
      },
    })
    loop.enqueue('a')
    await settle()
    expect(warned).toEqual([])
    await clock.advance(100)
    await settle()
    expect(warned).toEqual(['Pass failed'])
  })

  test('ends passes and timers when it is stopped', async () => {
    let aborted = false
    start({
      run: (_key, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true
            reject(signal.reason as Error)
          })
        }),
    })
    loop.enqueue('a')
    loop.enqueueAfter('b', 1_000)
    await settle()
    await loop.stop()
    expect(aborted).toBe(true)
    loop.enqueue('c')
    await clock.advance(60_000)
    expect(clock.pendingTimers()).toEqual([])
    expect(loop.idle).toBe(true)
  })
})
