import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import { HypervisorError } from '../../../node-daemon/hypervisor/hypervisor.ts'
import { stopMachines } from '../../../node-daemon/stop-machines.ts'
import { aDisk, aPlacedRun, aWorld, uuid, type World } from './support.ts'

let world: World
beforeEach(() => (world = aWorld(aDisk(), aPlacedRun())))
afterEach(() => world.stop())

const key = { namespace: 'default', name: 'vm-1' }

async function runThenStop(): Promise<void> {
  const daemon = world.start()
  await world.settle(1_000)
  expect((await world.run())?.status?.phase).toBe('Running')
  await daemon.stop()
}

describe('a daemon that starts', () => {
  test('adopts what runs, and starts nothing again', async () => {
    await runThenStop()
    world.start()
    await world.settle(1_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test('keeps what was known about a guest until it has asked it', async () => {
    const daemon = world.start()
    await world.settle(8_000)
    await daemon.stop()
    const written: unknown[] = []
    world.client.onCall(({ verb, subresource, key: name }) => {
      if (verb === 'update' && subresource === 'status' && name === 'default/vm-1') written.push(name)
    })
    world.start()
    await world.settle(10_000)
    expect(written).toEqual([])
    expect(getCondition((await world.run()) ?? {}, 'GuestAgentConnected')?.status).toBe('True')
  })

  test.each([
    { what: 'shut down', act: 'guestPowerOff', reason: 'GuestShutdown' },
    { what: 'crashed', act: 'guestCrash', reason: 'Crashed' },
  ] as const)('learns that the guest $what while nobody looked', async ({ act, reason }) => {
    await runThenStop()
    world.hypervisor.world[act](uuid)
    world.start()
    await world.settle(1_000)
    expect((await world.run())?.status?.reason).toBe(reason)
  })

  test('after a reboot of the host says that the host restarted', async () => {
    await runThenStop()
    world.hypervisor.world.powerCut()
    await world.clock.advance(60_000)
    world.bootedAt = world.clock.now() - 30_000
    world.start()
    await world.settle(1_000)
    expect((await world.run())?.status).toMatchObject({ phase: 'Failed', reason: 'HostRestarted' })
  })

  test('finishes a start whose intent was stored', async () => {
    world.hypervisor.world.failNext('startDomain', new HypervisorError('unavailable', 'gone'), 5)
    const daemon = world.start()
    await world.settle()
    await daemon.stop()
    expect((await world.run())?.status?.phase).toBe('Starting')
    world.start()
    await world.settle(5_000)
    expect((await world.run())?.status?.phase).toBe('Running')
  })
})

describe('machines that are shut down with Kvorum', () => {
  const stopAll = () =>
    stopMachines({
      hypervisor: world.hypervisor,
      records: world.records,
      clock: world.clock,
      graceMs: 60_000,
      signal: new AbortController().signal,
      report() {},
    })

  test('have not ended because anybody wanted them to', async () => {
    await runThenStop()
    expect(await stopAll()).toBe(1)
    world.start()
    await world.settle(1_000)
    expect((await world.run())?.status).toMatchObject({ phase: 'Failed', reason: 'HostRestarted' })
  })

  test('are only those of this installation', async () => {
    await runThenStop()
    for (const { uid } of await world.records.list()) await world.records.remove(uid)
    expect(await stopAll()).toBe(0)
    expect((await world.hypervisor.getDomain(uuid))?.state).toBe('running')
  })

  test('count like any other when they run after all', async () => {
    await runThenStop()
    for (const run of await world.records.list()) await world.records.put({ ...run, stoppedWithHost: true })
    world.start()
    await world.settle(1_000)
    world.hypervisor.world.guestPowerOff(uuid)
    await world.settle(1_000)
    expect((await world.run())?.status?.reason).toBe('GuestShutdown')
  })
})

describe('a domain whose run is gone', () => {
  const forceDelete = async () => {
    const run = await world.run()
    if (run === undefined) throw new Error('there is no run')
    run.metadata.finalizers = []
    await world.client.update(virtualMachineInstances, run)
    await world.client.delete(virtualMachineInstances, key)
  }

  test('is stopped and removed, since this installation started it', async () => {
    await runThenStop()
    await forceDelete()
    world.start()
    await world.settle(1_000)
    expect(await world.hypervisor.listDomains()).toEqual([])
  })

  test('is left alone when another installation started it', async () => {
    await runThenStop()
    await forceDelete()
    for (const { uid } of await world.records.list()) await world.records.remove(uid)
    world.start()
    await world.settle(1_000)
    world.hypervisor.world.setPaused(uuid, true)
    await world.settle(60_000)
    expect((await world.hypervisor.getDomain(uuid))?.state).toBe('paused')
    expect((await world.host()).status?.unmanagedDomains).toEqual(['default_vm-1'])
  })

  test('is left alone when its run is placed on another host', async () => {
    await runThenStop()
    const run = await world.run()
    if (run === undefined) throw new Error('there is no run')
    world.client.seed({ ...run, spec: { ...run.spec, hostName: 'host-2' } } as typeof run)
    world.start()
    await world.settle(60_000)
    expect((await world.hypervisor.getDomain(uuid))?.state).toBe('running')
  })

  test('is left alone while the server cannot be asked', async () => {
    await runThenStop()
    await forceDelete()
    world.client.onCall(({ verb, resource }) => {
      if (verb === 'get' && resource.plural === 'virtualmachineinstances')
        throw new Error('the server does not answer')
    })
    world.start()
    await world.settle(20_000)
    expect((await world.hypervisor.getDomain(uuid))?.state).toBe('running')
  })

  test('makes way for the next run of the machine', async () => {
    await runThenStop()
    await forceDelete()
    world.client.seed(aPlacedRun({ metadata: { uid: 'aaaaaaaa-0000-4000-8000-000000000000' } }))
    world.start()
    await world.settle(1_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    expect((await world.hypervisor.getDomain(uuid))?.owner?.uid).toBe('aaaaaaaa-0000-4000-8000-000000000000')
  })
})

describe('a domain that is not ours', () => {
  test('is reported and never touched', async () => {
    const foreign = { uuid: '11111111-1111-4111-8111-111111111111', name: 'somebody-elses' } as const
    world.hypervisor.world.addForeignDomain({ ...foreign, state: 'running' })
    world.start()
    await world.settle(60_000)
    expect((await world.hypervisor.getDomain(foreign.uuid))?.state).toBe('running')
    expect((await world.host()).status?.unmanagedDomains).toEqual(['somebody-elses'])
  })

  test('in the way of a machine, it is named as the reason', async () => {
    world.hypervisor.world.addForeignDomain({ uuid, name: 'in-the-way', state: 'shut-off' })
    world.start()
    await world.settle(1_000)
    const run = await world.run()
    expect(getCondition(run ?? {}, 'Ready')).toMatchObject({ status: 'False', reason: 'StartFailed' })
    expect(getCondition(run ?? {}, 'Ready')?.message).toMatch(/^The machine cannot start: .*not managed/)
  })
})

describe('starting safely', () => {
  test('a run that was taken away meanwhile is not started, whatever the cache says', async () => {
    world.client.onCall(async ({ verb, resource, key: name }) => {
      if (verb !== 'get' || resource.plural !== 'virtualmachineinstances' || name !== 'default/vm-1') return
      const moved = aPlacedRun({
        spec: { hostName: 'host-2' },
        metadata: { finalizers: ['kvorum.dev/domain'] },
      })
      world.client.seed(moved)
    })
    world.start()
    await world.settle(5_000)
    expect(world.hypervisor.world.calls.startDomain).toBe(0)
  })

  test('a run that is deleted between decision and start is not started', async () => {
    let once = true
    world.client.onCall(async ({ verb, resource }) => {
      if (!once || verb !== 'get' || resource.plural !== 'virtualmachineinstances') return
      once = false
      await world.client.delete(virtualMachineInstances, key)
    })
    world.start()
    await world.settle(5_000)
    expect(world.hypervisor.world.calls.startDomain).toBe(0)
    expect(await world.run()).toBeUndefined()
  })

  test('a host whose lease has run out starts nothing', async () => {
    const daemon = world.start()
    let down = true
    world.client.onCall(({ resource, verb }) => {
      if (down && resource.plural === 'leases' && verb === 'update') throw new Error('no lease today')
    })
    await world.settle()
    await world.client.delete(virtualMachineInstances, key)
    await world.settle(5_000)
    world.client.seed(aPlacedRun({ metadata: { uid: 'bbbbbbbb-0000-4000-8000-000000000000' } }))
    const before = world.hypervisor.world.calls.startDomain
    await world.settle(5_000)
    expect(world.hypervisor.world.calls.startDomain).toBe(before)
    down = false
    await world.settle(5_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    await daemon.stop()
  })

  test('a start that fails is tried again, later and later, and says why', async () => {
    const error = new HypervisorError('failed', 'the disk is not readable')
    world.hypervisor.world.failNext('startDomain', error, 3)
    world.start()
    await world.settle()
    const run = await world.run()
    expect(run?.status?.phase).toBe('Starting')
    expect(getCondition(run ?? {}, 'Ready')).toMatchObject({
      reason: 'StartFailed',
      message: 'The machine did not start: the disk is not readable',
    })
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
    await world.settle(2_000)
    expect(world.hypervisor.world.calls.startDomain).toBe(2)
    await world.settle(6_000)
    expect((await world.run())?.status?.phase).toBe('Running')
  })

  test('libvirt going away and coming back is a non-event', async () => {
    world.start()
    await world.settle(1_000)
    world.hypervisor.world.disconnect()
    await world.settle(20_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    world.hypervisor.world.reconnect()
    await world.settle(1_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    expect(world.hypervisor.world.calls.startDomain).toBe(1)
  })

  test('an end while libvirt was away is noticed when it is back', async () => {
    world.start()
    await world.settle(1_000)
    world.hypervisor.world.disconnect()
    world.hypervisor.world.guestPowerOff(uuid)
    await world.settle(2_000)
    world.hypervisor.world.reconnect()
    await world.settle(1_000)
    expect((await world.run())?.status?.reason).toBe('GuestShutdown')
  })

  test('a storm of events costs few looks', async () => {
    world.start()
    await world.settle(10_000)
    const before = world.hypervisor.world.calls.getDomain
    for (let event = 0; event < 500; event++) world.hypervisor.world.setPaused(uuid, event % 2 === 0)
    await world.settle()
    expect(world.hypervisor.world.calls.getDomain - before).toBeLessThan(10)
    expect((await world.run())?.status?.phase).toBe('Running')
  })
})
