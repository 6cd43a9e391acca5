import { expect, test } from 'vitest'
import { fakeHypervisor } from '../../../../node-daemon/hypervisor/fake/fake-hypervisor.ts'
import type { DomainSpec } from '../../../../node-daemon/hypervisor/domain-spec.ts'
import type { HypervisorEvent } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { manualClock } from '../../../support/clock.ts'
import { HypervisorError } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { aCpu, aDomainDisk, aDomainInterface, aFirmware, aDomainSpec } from '../../../support/domain-spec.ts'

const uuid = '0a4b1c9e-7c1f-4a8e-9a2d-000000000001'
const spec: DomainSpec = aDomainSpec({
  owner: { namespace: 'default', name: 'hello', uid: 'run-1' },
  uuid,
  name: 'default_hello',
  cpu: aCpu({ sockets: 1, cores: 1, threads: 1 }),
  memory: { bytes: 2 ** 27 },
  firmware: aFirmware({ type: 'bios' }),
  disks: [aDomainDisk({ name: 'root', path: '/disks/root.qcow2', format: 'qcow2', bus: 'virtio' })],
  interfaces: [
    aDomainInterface({ name: 'net', bridge: 'br0', model: 'virtio', macAddress: '02:00:00:00:00:01' }),
  ],
})

test('a start takes the time it was given and two starts share it', async () => {
  const clock = manualClock()
  const hypervisor = fakeHypervisor({ clock, startMs: 500 })
  const starts = [hypervisor.startDomain(spec), hypervisor.startDomain(spec)]
  await clock.advance(499)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shut-off' })
  await clock.advance(1)
  await Promise.all(starts)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'running', owner: spec.owner })
})

test('a guest obeys a shutdown request in its own time, or not at all', async () => {
  const clock = manualClock()
  const hypervisor = fakeHypervisor({ clock, shutdownMs: 100 })
  await hypervisor.startDomain(spec)
  hypervisor.world.ignoreShutdown(uuid, true)
  await hypervisor.shutdownDomain(uuid)
  await clock.advance(1000)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'running' })

  hypervisor.world.ignoreShutdown(uuid, false)
  await hypervisor.shutdownDomain(uuid)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shutting-down' })
  await clock.advance(100)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shut-off', stateReason: 'guest-shutdown' })
})

test('the agent answers after its delay with the addresses of the network', async () => {
  const clock = manualClock()
  const hypervisor = fakeHypervisor({ clock, agentMs: 10, addressOf: () => '10.80.0.7' })
  await hypervisor.startDomain(spec)
  expect(await hypervisor.guestFacts(uuid, 1000)).toBeUndefined()
  await clock.advance(10)
  expect(await hypervisor.guestFacts(uuid, 1000)).toMatchObject({
    hostname: 'hello',
    interfaces: [{ macAddress: '02:00:00:00:00:01', ipAddresses: ['10.80.0.7'] }],
  })
})

test.each([
  { act: 'guestPowerOff', stateReason: 'guest-shutdown' },
  { act: 'guestCrash', stateReason: 'crashed' },
  { act: 'killProcess', stateReason: 'crashed' },
  { act: 'destroyByHand', stateReason: 'destroyed' },
] as const)('$act ends the run as $stateReason, told as an event', async ({ act, stateReason }) => {
  const hypervisor = fakeHypervisor({ clock: manualClock() })
  await hypervisor.startDomain(spec)
  const seen: HypervisorEvent[] = []
  const events = hypervisor.events(new AbortController().signal)[Symbol.asyncIterator]()
  hypervisor.world[act](uuid)
  for (let i = 0; i < 2; i++) seen.push((await events.next()).value as HypervisorEvent)

  expect(seen).toEqual([{ type: 'resync' }, { type: 'domain', uuid, state: 'shut-off', stateReason }])
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shut-off', stateReason })
})

test('a failure on demand happens as often as asked and has no effect', async () => {
  const hypervisor = fakeHypervisor({ clock: manualClock() })
  hypervisor.world.failNext('startDomain', new HypervisorError('failed', 'no memory'), 2)
  await expect(hypervisor.startDomain(spec)).rejects.toMatchObject({ code: 'failed' })
  await expect(hypervisor.startDomain(spec)).rejects.toMatchObject({ code: 'failed' })
  expect(await hypervisor.listDomains()).toEqual([])
  await hypervisor.startDomain(spec)
  expect(hypervisor.world.calls.startDomain).toBe(3)
})

test('machines go on while the connection is down and a resync follows', async () => {
  const hypervisor = fakeHypervisor({ clock: manualClock() })
  await hypervisor.startDomain(spec)
  const events = hypervisor.events(new AbortController().signal)[Symbol.asyncIterator]()
  hypervisor.world.disconnect('gone')
  await expect(hypervisor.listDomains()).rejects.toMatchObject({ code: 'unavailable' })
  hypervisor.world.killProcess(uuid)
  hypervisor.world.reconnect()

  const seen = [await events.next(), await events.next(), await events.next()].map(
    (read) => read.value as unknown,
  )
  expect(seen).toEqual([{ type: 'resync' }, { type: 'disconnected', message: 'gone' }, { type: 'resync' }])
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shut-off', stateReason: 'crashed' })
})

test('after a power cut nothing runs and nobody was told', async () => {
  const clock = manualClock()
  const hypervisor = fakeHypervisor({ clock, shutdownMs: 100 })
  await hypervisor.startDomain(spec)
  await hypervisor.shutdownDomain(uuid)
  hypervisor.world.powerCut()
  await clock.advance(100)
  expect(await hypervisor.getDomain(uuid)).toMatchObject({ state: 'shut-off', stateReason: 'unknown' })
})
