import { expect, test } from 'vitest'
import { hosts, type Lease, leases } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { LeaseObservations } from '../../../../controllers/host/lease-observations.ts'
import { anAttachedHost } from '../support/installation.ts'
import { manualClock } from '../../../support/clock.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { world } from '../support/world.ts'

const aLease = (renewTime: string, leaseDurationSeconds = 4): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'host-1', namespace: 'kvorum-hosts' },
  spec: { holderIdentity: 'host-1', leaseDurationSeconds, renewTime },
})

async function watched() {
  const w = world(anAttachedHost('host-1'))
  const daemons = fakeDaemons(w.client, w.clock)
  await daemons.work()
  await w.sync()
  return {
    w,
    daemons,
    look: () => w.pass('host', 'host-1'),
    ready: async () => getCondition(await w.get(hosts, 'host-1'), 'Ready'),
  }
}

test('a host whose lease is renewed is left alone, and looked at when the lease would expire', async () => {
  const { w, daemons, look, ready } = await watched()
  for (let seconds = 0; seconds < 20; seconds++) {
    expect(await look()).toEqual({ next: 'retry', afterMs: 4_000 })
    await w.clock.advance(1_000)
    await daemons.work()
    await w.sync()
  }
  expect(await ready()).toMatchObject({ status: 'True', reason: 'DaemonReady' })
})

test('a host whose lease is not renewed for its length becomes Unknown, once', async () => {
  const { w, look, ready } = await watched()
  await look()
  await w.clock.advance(3_999)
  expect(await look()).toEqual({ next: 'retry', afterMs: 1 })
  await w.clock.advance(1)
  expect(await look()).toEqual({ next: 'stop' })
  expect(await ready()).toMatchObject({
    status: 'Unknown',
    reason: 'LeaseExpired',
    message: 'The daemon has not renewed its lease of 4 seconds; what runs on the host is unknown',
  })
  await w.sync()
  const { resourceVersion } = (await w.get(hosts, 'host-1')).metadata
  await look()
  expect((await w.get(hosts, 'host-1')).metadata.resourceVersion).toBe(resourceVersion)
  expect(w.events.map(({ reason }) => reason)).toEqual(['LeaseExpired'])
})

test('the way back is the daemon’s: a renewed lease alone changes nothing', async () => {
  const { w, daemons, look, ready } = await watched()
  await look()
  await w.clock.advance(4_000)
  await look()
  await w.client.patch(
    leases,
    { name: 'host-1', namespace: 'kvorum-hosts' },
    {
      type: 'merge',
      body: { spec: { renewTime: '2026-01-01T00:00:09.000000Z' } },
    },
  )
  await w.sync()
  expect(await look()).toEqual({ next: 'retry', afterMs: 4_000 })
  expect((await ready())?.status).toBe('Unknown')
  await daemons.work()
  expect((await ready())?.status).toBe('True')
})

test('a lease that the server has renewed does not expire because the cache is behind', async () => {
  const { w, daemons, look, ready } = await watched()
  await look()
  await w.clock.advance(60_000)
  await daemons.work()
  expect(await look()).toEqual({ next: 'retry', afterMs: 4_000 })
  expect((await ready())?.status).toBe('True')
})

test('a jump of the wall clock expires nothing', async () => {
  const { w, look, ready } = await watched()
  await look()
  w.clock.jumpWallClock(86_400_000)
  expect(await look()).toEqual({ next: 'retry', afterMs: 4_000 })
  expect((await ready())?.status).toBe('True')
})

test('a host that was applied and has no daemon is unknown, and the message says so', async () => {
  const w = world(anAttachedHost('host-1', { status: { conditions: [] } }))
  await w.sync()
  expect(await w.pass('host', 'host-1')).toEqual({ next: 'retry', afterMs: 10_000 })
  await w.clock.advance(10_000)
  await w.sync()
  await w.pass('host', 'host-1')
  expect(getCondition(await w.get(hosts, 'host-1'), 'Ready')).toMatchObject({
    status: 'Unknown',
    message: 'No daemon has reported for this host',
  })
})

test('LeaseObservations measures from the moment a renewal was seen, whatever its time says', async () => {
  const clock = manualClock()
  const seen = new LeaseObservations(clock)
  expect(seen.observe('host-1', aLease('1999-01-01T00:00:00.000000Z'))).toBe(true)
  await clock.advance(1_000)
  expect(seen.observe('host-1', aLease('1999-01-01T00:00:00.000000Z'))).toBe(false)
  expect(seen.remainingMs('host-1')).toBe(3_000)
  expect(seen.observe('host-1', aLease('1999-01-01T00:00:01.000000Z', 30))).toBe(true)
  expect(seen.remainingMs('host-1')).toBe(30_000)
})
