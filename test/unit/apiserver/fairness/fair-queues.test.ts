import { beforeEach, describe, expect, test } from 'vitest'
import { FairQueues, RefusedError, type Release } from '../../../../apiserver/fairness/fair-queues.ts'
import { dealHand } from '../../../../apiserver/fairness/shuffle-shard.ts'
import { manualClock, type ManualClock } from '../../../support/clock.ts'

let clock: ManualClock
beforeEach(() => {
  clock = manualClock()
})

const never = new AbortController().signal
const queuing = { queues: 64, handSize: 6, queueLengthLimit: 50 }

const queues = (seats: number, more: { queuing?: typeof queuing | undefined; maxWaitMs?: number } = {}) =>
  new FairQueues(clock, { seats, queuing, maxWaitMs: 15_000, ...more })

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Asks for a seat and writes into `log` when it came. */
function ask(fair: FairQueues, flow: string, log: string[], seats = 1): Promise<Release | string> {
  return fair.acquire({ flow, seats, signal: never }).then(
    (release) => {
      log.push(flow)
      return release
    },
    (error: unknown) => (error instanceof RefusedError ? error.reason : 'another error'),
  )
}

describe('a level that rejects', () => {
  test('takes as many requests as it has seats', async () => {
    const fair = queues(2, { queuing: undefined })
    const log: string[] = []
    const first = await ask(fair, 'a', log)
    await ask(fair, 'a', log)

    expect(await ask(fair, 'a', log)).toBe('concurrency-limit')

    if (typeof first === 'function') first()
    expect(await ask(fair, 'a', log)).toBeTypeOf('function')
  })
})

describe('a level that queues', () => {
  test('lets requests through while there are seats', async () => {
    const fair = queues(3)
    const log: string[] = []

    await ask(fair, 'a', log, 2)
    await ask(fair, 'b', log)
    void ask(fair, 'c', log)
    await settled()

    expect(log).toEqual(['a', 'b'])
    expect([fair.executing, fair.executingSeats, fair.waiting]).toEqual([2, 3, 1])
  })

  /** One queue per flow, so that a test can tell who shares one. */
  const single = { queues: 64, handSize: 1, queueLengthLimit: 50 }

  test('lets a quiet flow in between the requests of a noisy one', async () => {
    const noisy = Array.from({ length: 20 }, () => ({ flow: 'noisy', ms: 10 }))

    const served = await serve(queues(1, { queuing: single }), [...noisy, { flow: 'quiet', ms: 10 }])

    expect(served.indexOf('quiet')).toBeGreaterThan(0)
    expect(served.indexOf('quiet')).toBeLessThan(4)
  })

  test('counts what requests really took: who was served long waits longer', async () => {
    const quick = { flow: 'quick', ms: 1 }
    const slow = { flow: 'slow', ms: 1000 }

    const served = await serve(queues(1, { queuing: single }), [slow, slow, quick, quick, quick])

    expect(served).toEqual(['slow', 'quick', 'quick', 'quick', 'slow'])
  })

  test('turns requests away when the queues of their flow are full, and those of others wait on', async () => {
    const fair = queues(1, { queuing: { queues: 64, handSize: 1, queueLengthLimit: 3 } })
    const log: string[] = []
    const release = await ask(fair, 'noisy', log)
    for (let count = 0; count < 3; count++) void ask(fair, 'noisy', log)
    const quiet = ask(fair, 'quiet', log)

    expect(await ask(fair, 'noisy', log)).toBe('queue-full')

    if (typeof release === 'function') release()
    expect(await Promise.race([quiet, settled().then(() => 'waits')])).toBeDefined()
    expect(fair.waiting + fair.executing).toBe(4)
  })

  test('gives up on requests that waited too long, or whose client is gone', async () => {
    const fair = queues(1, { maxWaitMs: 100 })
    const log: string[] = []
    await ask(fair, 'a', log)
    const late = ask(fair, 'a', log)
    const gone = new AbortController()
    const left = fair.acquire({ flow: 'b', seats: 1, signal: gone.signal }).catch((error: unknown) => error)
    gone.abort()
    await clock.advance(100)

    expect(await left).toMatchObject({ reason: 'cancelled' })
    expect(await late).toBe('time-out')
    expect(fair.waiting).toBe(0)
  })

  test('works on a request that needs more seats than there are, when nothing else is going on', async () => {
    const fair = queues(2)
    const log: string[] = []

    const wide = await ask(fair, 'wide', log, 10)
    void ask(fair, 'a', log)
    await settled()
    expect(log).toEqual(['wide'])

    if (typeof wide === 'function') wide()
    await settled()
    expect(log).toEqual(['wide', 'a'])
  })

  test('uses seats that it is given later', async () => {
    const fair = queues(1)
    const log: string[] = []
    await ask(fair, 'a', log)
    void ask(fair, 'b', log)
    void ask(fair, 'c', log)

    fair.resize(3)
    await settled()

    expect(log.toSorted()).toEqual(['a', 'b', 'c'])
    expect(fair.takePeakDemand()).toBe(3)
  })

  /** Asks for everything at once, then lets each take its time on the one seat; flows in the order of service. */
  async function serve(
    fair: FairQueues,
    requests: readonly { flow: string; ms: number }[],
  ): Promise<string[]> {
    const served: string[] = []
    const current: (() => Promise<void>)[] = []
    for (const { flow, ms } of requests) {
      void fair.acquire({ flow, seats: 1, signal: never }).then((release) => {
        served.push(flow)
        current.push(async () => {
          await clock.advance(ms)
          release()
        })
      })
    }
    await settled()
    for (let work = current.shift(); work; work = current.shift()) {
      await work()
      await settled()
    }
    return served
  }
})

describe('hands', () => {
  test('are the same for the same flow, and without a queue twice', () => {
    for (let flow = 0; flow < 200; flow++) {
      const hand = dealHand(`flow ${flow}`, 64, 6)
      expect(dealHand(`flow ${flow}`, 64, 6)).toEqual(hand)
      expect(new Set(hand).size).toBe(6)
      expect(hand.every((queue) => queue >= 0 && queue < 64)).toBe(true)
    }
  })

  test('spread over all queues', () => {
    const used = new Set(Array.from({ length: 300 }, (_, flow) => dealHand(`flow ${flow}`, 64, 6)).flat())

    expect(used.size).toBe(64)
  })
})
