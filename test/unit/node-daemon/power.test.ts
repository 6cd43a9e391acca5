import { afterEach, describe, expect, test } from 'vitest'
import { virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import type { VirtualMachineInstanceSpec } from '../../../crds/v1alpha1/virtual-machine-instance.ts'
import { HypervisorError } from '../../../node-daemon/hypervisor/hypervisor.ts'
import { aDisk, aPlacedRun, aWorld, uuid, type World } from './support.ts'

let world: World
afterEach(() => world.stop())

const key = { namespace: 'default', name: 'vm-1' }

async function running(spec: Partial<VirtualMachineInstanceSpec> = {}): Promise<void> {
  world = aWorld(aDisk(), aPlacedRun({ spec }))
  world.start()
  await world.settle(1_000)
}

async function patch(spec: Partial<VirtualMachineInstanceSpec>): Promise<void> {
  await world.client.patch(virtualMachineInstances, key, { type: 'merge', body: { spec } })
  await world.settle(500)
}

const status = async () => (await world.run())?.status
const ready = async () => getCondition((await world.run()) ?? {}, 'Ready')
const drifted = async () => getCondition((await world.run()) ?? {}, 'Drifted')
const domainState = async () => (await world.hypervisor.getDomain(uuid))?.state

async function restartDaemon(): Promise<void> {
  await world.stop()
  world.start()
  await world.settle(1_000)
}

describe('power Paused', () => {
  test('stands still and goes on, in the same run', async () => {
    await running()
    await patch({ power: 'Paused' })
    expect(await domainState()).toBe('paused')
    expect(await status()).toMatchObject({ phase: 'Paused', power: 'Paused' })
    expect(await ready()).toMatchObject({ status: 'False', reason: 'Paused' })
    await restartDaemon()
    expect(await domainState()).toBe('paused')
    await patch({ power: 'Running' })
    expect(await domainState()).toBe('running')
    expect(await status()).toMatchObject({ phase: 'Running', power: 'Running' })
    expect(await ready()).toMatchObject({ status: 'True', reason: 'Running' })
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
    expect(world.told).not.toContain('VirtualMachineInstance DriftReverted!')
  })

  test('from the start', async () => {
    await running({ power: 'Paused' })
    expect(await domainState()).toBe('paused')
    expect(await status()).toMatchObject({ phase: 'Paused' })
  })

  test('a paused machine that is to end goes on first, and is shut down', async () => {
    await running({ power: 'Paused' })
    await world.client.delete(virtualMachineInstances, key)
    await world.settle(500)
    expect(world.hypervisor.world.calls).toMatchObject({
      resumeDomain: 1,
      shutdownDomain: 1,
      destroyDomain: 0,
    })
    expect(await world.run()).toBeUndefined()
  })
})

describe('pausing and resuming behind Kvorum', () => {
  test('Revert: it is undone at once, and told', async () => {
    await running()
    world.hypervisor.world.setPaused(uuid, true)
    await world.settle(250)
    expect(await domainState()).toBe('running')
    expect(world.told).toContain('VirtualMachineInstance DriftReverted!')

    await patch({ power: 'Paused' })
    world.hypervisor.world.setPaused(uuid, false)
    await world.settle(250)
    expect(await domainState()).toBe('paused')
  })

  test('Report: it stays, and the run says so until it is over', async () => {
    await running({ drift: 'Report' })
    world.hypervisor.world.setPaused(uuid, true)
    await world.settle(250)
    expect(await status()).toMatchObject({ phase: 'Paused', power: 'Running' })
    expect(await drifted()).toMatchObject({ status: 'True', reason: 'PowerChanged' })
    world.hypervisor.world.setPaused(uuid, false)
    await world.settle(250)
    expect(await status()).toMatchObject({ phase: 'Running' })
    expect(await drifted()).toMatchObject({ status: 'False', reason: 'AsDeclared' })
  })

  test('Ignore: it stays, and nobody minds', async () => {
    await running({ drift: 'Ignore' })
    world.hypervisor.world.setPaused(uuid, true)
    await world.settle(250)
    expect(await status()).toMatchObject({ phase: 'Paused' })
    expect(await drifted()).toBeUndefined()
  })
})

describe('the definition on the host', () => {
  test.each([
    { what: 'edited', now: '{"edited":true}', reason: 'DefinitionChanged' },
    { what: 'removed', now: undefined, reason: 'DefinitionRemoved' },
  ])('$what: put back with Revert, said with Report', async ({ now, reason }) => {
    await running()
    const before = await world.hypervisor.definitionOf(uuid)
    world.hypervisor.world.setDefinition(uuid, now)
    await world.settle(250)
    expect(await world.hypervisor.definitionOf(uuid)).toBe(before)
    expect(world.told).toContain('VirtualMachineInstance DriftReverted!')

    await patch({ drift: 'Report' })
    world.hypervisor.world.setDefinition(uuid, now)
    await world.settle(250)
    expect(await world.hypervisor.definitionOf(uuid)).toBe(now)
    expect(await drifted()).toMatchObject({ status: 'True', reason })
    await restartDaemon()
    expect(await drifted()).toMatchObject({ status: 'True', reason })
    await patch({ drift: 'Revert' })
    expect(await world.hypervisor.definitionOf(uuid)).toBe(before)
    expect(await drifted()).toMatchObject({ status: 'False' })
  })
})

describe('what the machine does by itself', () => {
  test('reboots are counted within the run', async () => {
    await running()
    world.hypervisor.world.guestReboot(uuid)
    await world.settle(250)
    world.hypervisor.world.guestReboot(uuid)
    await world.settle(250)
    expect(await status()).toMatchObject({ phase: 'Running', reboots: 2 })
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test('a panic ends the run as one', async () => {
    await running()
    world.hypervisor.world.guestPanic(uuid)
    await world.settle()
    expect(await status()).toMatchObject({ phase: 'Failed', reason: 'Panicked' })
  })

  test.each([
    { action: 'Reset', then: { phase: 'Running', reboots: 1 } },
    { action: 'PowerOff', then: { phase: 'Failed', reason: 'Watchdog' } },
    { action: 'Pause', then: { phase: 'Paused' } },
  ] as const)('a watchdog that is not fed: $action', async ({ action, then }) => {
    const devices = { ...aPlacedRun().spec.devices, watchdog: { model: 'i6300esb' as const, action } }
    await running({ devices })
    world.hypervisor.world.watchdogBites(uuid)
    await world.settle(20_000)
    expect(await status()).toMatchObject(then)
  })

  test('a disk that fails stops the machine, which is tried again every ten seconds', async () => {
    await running()
    world.hypervisor.world.ioError(uuid)
    await world.settle(500)
    expect(await ready()).toMatchObject({ status: 'False', reason: 'PausedByError' })
    expect(world.hypervisor.world.calls.resumeDomain).toBe(0)
    await world.settle(10_000)
    expect(world.hypervisor.world.calls.resumeDomain).toBe(1)
    expect(await ready()).toMatchObject({ status: 'True' })
  })
})

describe('power Suspended', () => {
  const memoryPath = async () => `${(await world.disk())?.status?.path ?? ''}.memory`

  async function suspended(): Promise<void> {
    await running()
    await patch({ power: 'Suspended' })
    expect(await status()).toMatchObject({ phase: 'Suspended' })
  }

  test('the memory is in a file beside the first disk, and no process is left', async () => {
    await suspended()
    expect(await status()).toMatchObject({
      savedMemory: { path: await memoryPath(), bytes: 1024 ** 3, savedAt: expect.any(String) },
    })
    expect(await domainState()).toBe('shut-off')
    expect(world.hypervisor.world.memoryFiles()).toEqual([await memoryPath()])
    const before = (await world.run())?.metadata.resourceVersion
    await world.settle(60_000)
    expect((await world.run())?.metadata.resourceVersion).toBe(before)
  })

  test.each(['daemon', 'host'])('comes back once, also after a restart of the %s', async (what) => {
    await suspended()
    if (what === 'host') world.hypervisor.world.powerCut()
    await restartDaemon()
    await patch({ power: 'Running' })
    expect(await status()).toMatchObject({ phase: 'Running', power: 'Running' })
    expect((await status())?.savedMemory).toBeUndefined()
    expect(await domainState()).toBe('running')
    expect(world.hypervisor.world.memoryFiles()).toEqual([])
    expect(world.hypervisor.world.calls).toMatchObject({ startDomain: 1, restoreDomain: 1 })
  })

  test('comes back standing still when it is to be paused', async () => {
    await suspended()
    await patch({ power: 'Paused' })
    expect(await status()).toMatchObject({ phase: 'Paused' })
    expect(await domainState()).toBe('paused')
    expect(world.hypervisor.world.memoryFiles()).toEqual([])
  })

  test('a restore that fails is said, tried again, and never becomes a start without memory', async () => {
    await suspended()
    world.hypervisor.world.failNext('restoreDomain', new HypervisorError('failed', 'no room'), 2)
    await patch({ power: 'Running' })
    expect(await status()).toMatchObject({ phase: 'Resuming', savedMemory: { path: await memoryPath() } })
    expect(await ready()).toMatchObject({
      reason: 'ResumeFailed',
      message: expect.stringContaining('no room'),
    })
    await world.settle(10_000)
    expect(await status()).toMatchObject({ phase: 'Running' })
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test.each([undefined, { complete: false, bytes: 7 }])(
    'memory that is of no use (%o) ends the run',
    async (memory) => {
      await suspended()
      world.hypervisor.world.setMemory(await memoryPath(), memory)
      await patch({ power: 'Running' })
      expect(await status()).toMatchObject({ phase: 'Failed', reason: 'MemoryLost' })
      expect(world.hypervisor.world.calls).toMatchObject({ startDomain: 1, restoreDomain: 0 })
    },
  )

  test('memory that cannot be saved leaves the machine running, and is tried again', async () => {
    await running()
    world.hypervisor.world.failNext('saveDomain', new HypervisorError('failed', 'the disk is full'))
    await patch({ power: 'Suspended' })
    expect(await status()).toMatchObject({ phase: 'Running' })
    expect(await ready()).toMatchObject({ reason: 'SuspendFailed' })
    expect(await domainState()).toBe('running')
    await world.settle(31_000)
    expect(await status()).toMatchObject({ phase: 'Suspended' })
  })

  test('a run that sleeps is ended with its memory', async () => {
    await suspended()
    await world.client.delete(virtualMachineInstances, key)
    await world.settle(1_000)
    expect(await world.run()).toBeUndefined()
    expect(world.hypervisor.world.memoryFiles()).toEqual([])
    expect(await world.hypervisor.getDomain(uuid)).toBeUndefined()
  })

  test('a machine that somebody started without its memory is powered off, and its memory dropped', async () => {
    await suspended()
    const spec = world.hypervisor.world.specOf(uuid)
    if (spec !== undefined) await world.hypervisor.startDomain(spec)
    await world.settle(1_000)
    expect(await status()).toMatchObject({ phase: 'Failed', reason: 'MemoryLost' })
    expect(world.hypervisor.world.memoryFiles()).toEqual([])
  })
})

test('after a restart of the host the machines start in their order', async () => {
  const placed = (name: string, order: number, id: string) =>
    aPlacedRun({
      metadata: { name },
      spec: { virtualMachine: { name, uid: name }, uuid: id, startup: { order }, disks: [], interfaces: [] },
    })
  const ids = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const
  const [second, first] = [placed('second', 20, ids[0]), placed('first', 10, ids[1])]
  world = aWorld(second, first)
  world.start()
  await world.settle(1_000)
  await world.stop()
  world.hypervisor.world.powerCut()
  world.bootedAt = world.clock.now() + 1_000
  await world.clock.advance(2_000)
  world.start()
  await world.settle(1_000)
  expect((await world.run('second'))?.status).toMatchObject({ reason: 'HostRestarted' })

  // What their controller does, the one that is to wait before the other.
  for (const name of ['second', 'first'])
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name })
  await world.settle(500)
  await world.client.create(virtualMachineInstances, {
    ...second,
    metadata: { name: 'second', namespace: 'default' },
  })
  await world.settle(5_000)
  expect((await world.run('second'))?.status?.phase).not.toBe('Running')
  await world.client.create(virtualMachineInstances, {
    ...first,
    metadata: { name: 'first', namespace: 'default' },
  })
  await world.settle(2_000)
  expect((await world.run('first'))?.status?.phase).toBe('Running')
  expect((await world.run('second'))?.status?.phase).toBe('Running')
})
