import { afterEach, describe, expect, test } from 'vitest'
import {
  type LeaderElectionOptions,
  type LeaderElector,
  startLeaderElection,
} from '../../../apimachinery/leader-election.ts'
import { leases } from '../../../apimachinery/client/resources.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import { type ManualClock, manualClock, settle } from '../../support/clock.ts'
import { type FakeClient, fakeClient } from '../../support/fake-client.ts'

const key = { namespace: 'kvorum-system', name: 'controllers' }
const electors: LeaderElector[] = []
const clocks: ManualClock[] = []
afterEach(async () => {
  const stopping = electors.splice(0).map((one) => one.stop())
  await settle()
  for (const clock of clocks.splice(0)) await clock.advance(60_000)
  await Promise.all(stopping)
})

interface Contender {
  readonly elector: LeaderElector
  readonly clock: ManualClock
  /** Undefined until it leads. */
  readonly term: () => AbortSignal | undefined
}

/** Contenders share an API and have clocks of their own. */
function contend(
  client: LeaderElectionOptions['client'],
  identity: string,
  options: Partial<LeaderElectionOptions> = {},
): Contender {
  const clock = manualClock()
  clocks.push(clock)
  let term: AbortSignal | undefined
  const elector = startLeaderElection({
    client,
    clock,
    log: silentLogger,
    ...key,
    identity,
    random: () => 0,
    onStartedLeading: (signal) => {
      term = signal
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
    },
    ...options,
  })
  electors.push(elector)
  return { elector, clock, term: () => term }
}

interface Cuttable {
  readonly client: LeaderElectionOptions['client']
  readonly cut: () => void
  readonly heal: () => void
}

/** The way of one contender to the API that all share. */
function cuttable(shared: FakeClient): Cuttable {
  let isCut = false
  const whole = async () => {
    if (isCut) throw new StatusError('ServiceUnavailable', 'cut')
  }
  return {
    client: {
      get: (...args) => whole().then(() => shared.get(...args)),
      create: (...args) => whole().then(() => shared.create(...args)),
      update: (...args) => whole().then(() => shared.update(...args)),
    },
    cut: () => (isCut = true),
    heal: () => (isCut = false),
  }
}

const leads = ({ term }: Contender) => term()?.aborted === false
const holder = async (client: FakeClient) => (await client.get(leases, key)).spec.holderIdentity

describe('one contender', () => {
  test('leads at once and writes who it is', async () => {
    const client = fakeClient()

    const a = contend(client, 'a')

    await expect.poll(() => leads(a)).toBe(true)
    expect(a.elector.isLeader).toBe(true)
    expect((await client.get(leases, key)).spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 10,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    })
  })

  test('renews and goes on leading for as long as it can', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)

    for (let i = 0; i < 20; i++) await a.clock.advance(1_500)

    expect(leads(a)).toBe(true)
    expect((await client.get(leases, key)).spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:30.000000Z',
    })
  })

  test('is not moved by a jump of the wall clock', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)

    a.clock.jumpWallClock(86_400_000)
    for (let i = 0; i < 10; i++) await a.clock.advance(1_500)
    a.clock.jumpWallClock(-2 * 86_400_000)
    for (let i = 0; i < 10; i++) await a.clock.advance(1_500)

    expect(leads(a)).toBe(true)
  })

  test('stops leading six seconds after the last renewal that was answered, and says so', async () => {
    const { client, cut } = cuttable(fakeClient())
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)

    cut()
    await a.clock.advance(5_900)
    expect(leads(a)).toBe(true)
    await a.clock.advance(100)

    expect(leads(a)).toBe(false)
    await expect(a.elector.done).rejects.toThrow('the lease could not be renewed in time')
  })

  test('survives an outage that is shorter', async () => {
    const { client, cut, heal } = cuttable(fakeClient())
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)

    cut()
    await a.clock.advance(4_000)
    heal()
    for (let i = 0; i < 10; i++) await a.clock.advance(1_500)

    expect(leads(a)).toBe(true)
  })

  test('counts from before the renewal was sent, however late the answer comes', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)
    const answers: (() => void)[] = []
    const slow = client.onCall(({ verb }) =>
      verb === 'update' ? new Promise<void>((resolve) => answers.push(resolve)) : undefined,
    )

    await a.clock.advance(1_500)
    await a.clock.advance(2_000)
    slow()
    answers[0]?.()
    await settle()
    const { clock } = a
    // Renewed at 1.5 s: leads until 7.5 s, although the answer came at 3.5 s.
    client.onCall(({ verb }) => {
      if (verb === 'update') throw new StatusError('ServiceUnavailable', 'down')
    })
    await clock.advance(3_900)
    expect(leads(a)).toBe(true)
    await clock.advance(200)

    expect(leads(a)).toBe(false)
  })

  test('adopts a renewal whose answer was lost', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)
    const { spec, ...rest } = await client.get(leases, key)

    await client.update(leases, { ...rest, spec: { ...spec, renewTime: '2026-01-01T00:00:01.000000Z' } })
    for (let i = 0; i < 10; i++) await a.clock.advance(1_500)

    expect(leads(a)).toBe(true)
  })

  test('gives up at once when somebody else holds or deletes the lease', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)
    await client.delete(leases, key)

    await a.clock.advance(1_500)

    expect(leads(a)).toBe(false)
    await expect(a.elector.done).rejects.toMatchObject({ name: 'LeadershipLostError' })
  })

  test('ends with the error of its work, and lets go', async () => {
    const client = fakeClient()
    const a = contend(client, 'a', { onStartedLeading: () => Promise.reject(new Error('work failed')) })

    await expect(a.elector.done).rejects.toThrow('work failed')

    expect(await holder(client)).toBe('')
  })

  test('must be given times that leave a margin', () => {
    const start = (options: Partial<LeaderElectionOptions>) => () => contend(fakeClient(), 'a', options)

    expect(start({ renewDeadlineMs: 10_000 })).toThrow('below a lease of whole seconds')
    expect(start({ leaseDurationMs: 10_500 })).toThrow('whole seconds')
    expect(start({ retryPeriodMs: 6_000 })).toThrow('the retry period')
  })
})

describe('two contenders', () => {
  test('have one leader, and the other takes over when that stops, after its work has ended', async () => {
    const client = fakeClient()
    const log: string[] = []
    const work = (name: string) => async (signal: AbortSignal) => {
      log.push(`${name} begins`)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await settle()
      log.push(`${name} ends`)
    }
    const a = contend(client, 'a', { onStartedLeading: work('a') })
    await expect.poll(() => log).toEqual(['a begins'])
    const b = contend(client, 'b', { onStartedLeading: work('b') })
    await b.clock.advance(5_000)
    expect(log).toEqual(['a begins'])

    await a.elector.stop()
    await b.clock.advance(1_500)

    await expect.poll(() => log).toEqual(['a begins', 'a ends', 'b begins'])
    expect((await client.get(leases, key)).spec.leaseTransitions).toBe(1)
    await expect(a.elector.done).resolves.toBeUndefined()
  })

  test('keep the lease while the work is ended on request, however long that takes', async () => {
    const client = fakeClient()
    let finish = () => {}
    const a = contend(client, 'a', { onStartedLeading: () => new Promise((resolve) => (finish = resolve)) })
    await expect.poll(() => a.elector.isLeader).toBe(true)
    const b = contend(client, 'b')
    await settle()

    const stopping = a.elector.stop()
    for (let i = 0; i < 20; i++) {
      await a.clock.advance(1_500)
      await b.clock.advance(1_500)
    }
    expect(leads(b)).toBe(false)
    finish()
    await stopping
    await b.clock.advance(1_500)

    await expect.poll(() => leads(b)).toBe(true)
  })

  test('never lead both: the one that is cut off stops seconds before the other may begin', async () => {
    const shared = fakeClient()
    const { client, cut } = cuttable(shared)
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)
    const b = contend(shared, 'b')
    await settle()

    cut()
    let aEnded: number | undefined
    let bBegan: number | undefined
    for (let at = 0; at <= 20_000 && bBegan === undefined; at += 100) {
      if (!leads(a)) aEnded ??= at
      if (leads(b)) bBegan = at
      expect(leads(a) && leads(b)).toBe(false)
      await a.clock.advance(100)
      await b.clock.advance(100)
    }

    expect(aEnded).toBeLessThanOrEqual(6_000)
    expect(bBegan).toBeGreaterThanOrEqual(10_000)
    expect(bBegan).toBeLessThanOrEqual(12_000)
  })

  test('take over from a dead one whatever the times in its lease say', async () => {
    const client = fakeClient()
    await client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: key,
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 10, renewTime: '2031-01-01T00:00:00.000000Z' },
    })
    const b = contend(client, 'b')

    await b.clock.advance(9_000)
    expect(leads(b)).toBe(false)
    await b.clock.advance(3_000)

    await expect.poll(() => leads(b)).toBe(true)
  })

  test('that try together have one winner', async () => {
    const client = fakeClient()

    const all = ['a', 'b', 'c'].map((identity) => contend(client, identity))

    await expect.poll(() => all.filter(leads).length).toBe(1)
    for (const { clock } of all) await clock.advance(1_500)
    expect(all.filter(leads)).toHaveLength(1)
  })

  test('stop waiting when they are told to', async () => {
    const client = fakeClient()
    const a = contend(client, 'a')
    await expect.poll(() => leads(a)).toBe(true)
    const b = contend(client, 'b')

    await b.elector.stop()

    await expect(b.elector.done).resolves.toBeUndefined()
    expect(await holder(client)).toBe('a')
  })
})
