import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../../apimachinery/log.ts'
import type { GuestFacts } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { GuestWatch } from '../../../../node-daemon/machine/guest-watch.ts'
import { type ManualClock, manualClock, settle } from '../../../support/clock.ts'

const uuid = 'guest'
const told: GuestFacts = {
  hostname: 'vm-1',
  interfaces: [{ guestName: 'eth0', ipAddresses: ['10.80.0.10'] }],
}

let clock: ManualClock
let watch: GuestWatch
let answer: () => Promise<GuestFacts | undefined>
let asked: number
let changes: number
beforeEach(() => {
  clock = manualClock()
  asked = 0
  changes = 0
  answer = async () => undefined
  watch = new GuestWatch({
    hypervisor: {
      guestFacts: () => {
        asked += 1
        return answer()
      },
    },
    clock,
    log: silentLogger,
    onChange: () => void (changes += 1),
  })
})
afterEach(() => watch.stop())

/** In small steps, so that every question is answered before the next falls due. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) await clock.advance(500)
}

describe('a watched guest', () => {
  test('is not known before it was asked, and then is what it tells', async () => {
    answer = async () => told
    expect(watch.watch(uuid)).toEqual({ connected: undefined, facts: undefined })
    await settle()
    expect(watch.watch(uuid)).toEqual({ connected: true, facts: told })
    expect(changes).toBe(1)
  })

  test('that tells the same again has not changed', async () => {
    answer = async () => told
    watch.watch(uuid)
    await pass(300_000)
    expect(changes).toBe(1)
    expect(asked).toBeLessThanOrEqual(11)
  })

  test('without an address is asked every two seconds until it has one', async () => {
    answer = async () => ({ ...told, interfaces: [] })
    watch.watch(uuid)
    await pass(20_000)
    expect(asked).toBeGreaterThanOrEqual(10)
    answer = async () => told
    await pass(2_000)
    expect(watch.watch(uuid).facts).toEqual(told)
  })

  test('without agent is asked less and less', async () => {
    watch.watch(uuid)
    await pass(600_000)
    expect(asked).toBeLessThan(20)
    expect(changes).toBe(1)
  })

  test('whose agent connects is asked at once, and kept asking while it is slow to answer', async () => {
    watch.watch(uuid)
    await pass(600_000)
    const before = asked
    watch.agentChanged(uuid, true)
    await settle()
    expect(asked).toBe(before + 1)
    await pass(40_000)
    answer = async () => told
    await pass(4_000)
    expect(watch.watch(uuid).connected).toBe(true)
  })

  test('whose agent goes away keeps what it said', async () => {
    answer = async () => told
    watch.watch(uuid)
    await settle()
    watch.agentChanged(uuid, false)
    expect(watch.watch(uuid)).toEqual({ connected: false, facts: told })
  })

  test('that is forgotten is asked no more', async () => {
    watch.watch(uuid)
    await settle()
    watch.forget(uuid)
    const before = asked
    await pass(120_000)
    expect(asked).toBe(before)
  })

  test('whose agent cannot be asked is one that does not answer', async () => {
    answer = async () => {
      throw new Error('libvirt went away')
    }
    watch.watch(uuid)
    await settle()
    expect(watch.watch(uuid).connected).toBe(false)
  })
})
