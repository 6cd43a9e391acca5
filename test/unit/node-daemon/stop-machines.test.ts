import { expect, test } from 'vitest'
import { fakeHypervisor } from '../../../node-daemon/hypervisor/fake/fake-hypervisor.ts'
import type { DomainSpec } from '../../../node-daemon/hypervisor/domain-spec.ts'
import { HypervisorError } from '../../../node-daemon/hypervisor/hypervisor.ts'
import { stopMachines } from '../../../node-daemon/stop-machines.ts'
import { manualClock } from '../../support/clock.ts'
import { aCpu, aFirmware, aDomainSpec } from '../../support/domain-spec.ts'

const uuid = '0b6f4f5e-9f0c-4a53-8a8b-0c7a8d8f3c11'
const spec: DomainSpec = aDomainSpec({
  owner: { namespace: 'default', name: 'web', uid: 'run-1' },
  uuid,
  name: 'default_web',
  cpu: aCpu({ sockets: 1, cores: 1, threads: 1 }),
  memory: { bytes: 128 << 20 },
  firmware: aFirmware({ type: 'bios' }),
  disks: [],
  interfaces: [],
})
const foreign = { uuid: 'f3c11b0a-9f0c-4a53-8a8b-0c7a8d8f3c11', name: 'by-hand', state: 'running' } as const

async function aHost() {
  const clock = manualClock()
  const hypervisor = fakeHypervisor({ clock, shutdownMs: 1000 })
  await hypervisor.startDomain(spec)
  hypervisor.world.addForeignDomain(foreign)
  const lines: string[] = []
  const stopping = () =>
    stopMachines({
      hypervisor,
      clock,
      graceMs: 60_000,
      signal: new AbortController().signal,
      report: (line) => lines.push(line),
    })
  return { clock, hypervisor, lines, stopping }
}

test('asks guests to shut down and leaves what is not ours alone', async () => {
  const { clock, hypervisor, lines, stopping } = await aHost()

  const stopped = stopping()
  await clock.advance(2000)

  expect(await stopped).toBe(1)
  expect((await hypervisor.getDomain(uuid))?.state).toBe('shut-off')
  expect((await hypervisor.getDomain(foreign.uuid))?.state).toBe('running')
  expect(lines).toEqual(['Shutting down default_web'])
})

test('asks a deaf guest again and powers it off when the grace period is over', async () => {
  const { clock, hypervisor, lines, stopping } = await aHost()
  hypervisor.world.ignoreShutdown(uuid, true)

  const stopped = stopping()
  await clock.advance(61_000)

  expect(await stopped).toBe(1)
  expect((await hypervisor.getDomain(uuid))?.state).toBe('shut-off')
  expect(hypervisor.world.calls.shutdownDomain).toBeGreaterThan(1)
  expect(lines.at(-1)).toBe('Powering off default_web: it did not shut down in 60 s')
})

test('a host without machines is done at once', async () => {
  const { hypervisor, clock, stopping } = await aHost()
  await hypervisor.destroyDomain(uuid)

  expect(await stopping()).toBe(0)
  expect(clock.pendingTimers()).toEqual([])
})

test('a connection that breaks on the way is no reason to give up', async () => {
  const { clock, hypervisor, stopping } = await aHost()
  const lost = new HypervisorError('unavailable', 'libvirt is not reachable')
  hypervisor.world.failNext('getDomain', lost, 2)

  const stopped = stopping()
  await clock.advance(500)
  hypervisor.world.disconnect()
  hypervisor.world.reconnect()
  await clock.advance(30_000)

  expect(await stopped).toBe(1)
  expect((await hypervisor.getDomain(uuid))?.state).toBe('shut-off')
})
