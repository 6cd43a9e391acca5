import { afterEach, describe, expect, test } from 'vitest'
import { virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../crds/meta/object-meta.ts'
import { aDisk, address, aPlacedRun, aWorld, hostName, uuid, type World } from './support.ts'

let world: World
afterEach(() => world.stop())

async function running(...objects: readonly KubeObject[]): Promise<World> {
  world = aWorld(aDisk(), ...(objects.length === 0 ? [aPlacedRun()] : objects))
  world.start()
  await world.settle(1_000)
  expect((await world.run())?.status?.phase).toBe('Running')
  return world
}

describe('the life of a run', () => {
  test('a placed run gets its disk made, its network up, and runs', async () => {
    await running()
    const run = await world.run()
    expect(run?.metadata.finalizers).toEqual(['kvorum.dev/domain'])
    expect(getCondition(run ?? {}, 'Ready')).toMatchObject({ status: 'True', reason: 'Running' })
    expect(run?.status?.startedAt).toMatch(/^2026-01-01T00:00/)
    expect(await world.disk()).toMatchObject({
      metadata: { finalizers: ['kvorum.dev/disk'] },
      status: { hostName, phase: 'Ready', path: expect.stringMatching(/^\//), capacityBytes: 10 * 1024 ** 3 },
    })
    expect(world.hypervisor.world.specOf(uuid)).toMatchObject({
      name: 'default_vm-1',
      owner: { namespace: 'default', name: 'vm-1', uid: run?.metadata.uid },
      memory: { bytes: 1024 ** 3 },
      disks: [{ name: 'root', path: (await world.disk())?.status?.path, bootOrder: 1 }],
    })
    expect(world.networks.world.dhcpHosts('default')).toEqual([
      { macAddress: '52:54:00:00:00:01', ipAddress: address, name: 'vm-1.default' },
    ])
  })

  test('what the guest agent tells is in the status', async () => {
    await running()
    await world.settle(8_000)
    const run = await world.run()
    expect(run?.status?.interfaces).toEqual([
      { name: 'eth0', macAddress: '52:54:00:00:00:01', guestName: 'eth0', ipAddresses: [address] },
    ])
    expect(run?.status?.guest).toEqual({
      hostname: 'vm-1',
      operatingSystem: 'Fake OS 1.0',
      agentVersion: '1.0.0',
    })
    expect(getCondition(run ?? {}, 'GuestAgentConnected')).toMatchObject({ status: 'True' })
  })

  test('a second look changes nothing', async () => {
    await running()
    await world.settle(10_000)
    const before = (await world.run())?.metadata.resourceVersion
    const disk = (await world.disk())?.metadata.resourceVersion
    const host = (await world.host()).metadata.resourceVersion
    await world.settle(70_000)
    expect((await world.run())?.metadata.resourceVersion).toBe(before)
    expect((await world.disk())?.metadata.resourceVersion).toBe(disk)
    expect((await world.host()).metadata.resourceVersion).toBe(host)
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test.each([
    { what: 'the guest powers off', act: 'guestPowerOff', phase: 'Succeeded', reason: 'GuestShutdown' },
    { what: 'the guest crashes', act: 'guestCrash', phase: 'Failed', reason: 'Crashed' },
    { what: 'QEMU is killed', act: 'killProcess', phase: 'Failed', reason: 'Crashed' },
    { what: 'somebody powers it off', act: 'destroyByHand', phase: 'Failed', reason: 'Destroyed' },
  ] as const)('$what: the run ends $phase, $reason, and is never started again', async (row) => {
    await running()
    world.hypervisor.world[row.act](uuid)
    await world.settle()
    const run = await world.run()
    expect(run?.status).toMatchObject({
      phase: row.phase,
      reason: row.reason,
      finishedAt: expect.any(String),
    })
    expect(getCondition(run ?? {}, 'Ready')).toMatchObject({ status: 'False', reason: 'Ended' })
    expect(await world.hypervisor.getDomain(uuid)).toBeUndefined()
    await world.settle(60_000)
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test('a deleted run is shut down and leaves nothing behind', async () => {
    await running()
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle(1_000)
    expect(await world.run()).toBeUndefined()
    expect(await world.hypervisor.getDomain(uuid)).toBeUndefined()
    expect(world.networks.world.dhcpHosts('default')).toEqual([])
    expect(await world.records.list()).toEqual([])
  })

  test('a guest that does not listen is asked again and powered off after its grace period', async () => {
    await running()
    world.hypervisor.world.ignoreShutdown(uuid, true)
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle(30_000)
    expect((await world.run())?.status?.phase).toBe('Stopping')
    expect(world.hypervisor.world.calls.shutdownDomain).toBe(4)
    expect(world.hypervisor.world.calls.destroyDomain).toBe(0)
    await world.settle(31_000)
    expect(world.hypervisor.world.calls.destroyDomain).toBe(1)
    expect(await world.run()).toBeUndefined()
  })

  test('a deadline is kept by the daemon that follows', async () => {
    await running()
    world.hypervisor.world.ignoreShutdown(uuid, true)
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle(40_000)
    await world.stop()
    world.start()
    await world.settle(15_000)
    expect((await world.run())?.status?.phase).toBe('Stopping')
    await world.settle(6_000)
    expect(await world.run()).toBeUndefined()
  })

  test('without a grace period nobody is asked', async () => {
    await running(aPlacedRun({ spec: { terminationGracePeriodSeconds: 0 } }))
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle()
    expect(world.hypervisor.world.calls.shutdownDomain).toBe(0)
    expect(await world.run()).toBeUndefined()
  })
})
