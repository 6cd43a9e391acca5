import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { type Client, keyOf } from '../../../apimachinery/client/client.ts'
import { eventRecorder } from '../../../apimachinery/client/event-recorder.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import { informer } from '../../../apimachinery/client/informer.ts'
import { disks, events, leases, virtualMachines } from '../../../apimachinery/client/resources.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { setCondition } from '../../../apimachinery/conditions.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { isAlreadyExists, isNotFound } from '../../../apimachinery/status-error.ts'
import { startController, watchOwned } from '../../../controllers/runtime/controller.ts'
import { controllerMetrics } from '../../../controllers/runtime/controller-metrics.ts'
import { type Manager, startManager } from '../../../controllers/runtime/manager.ts'
import { proceed, type Step, stop } from '../../../controllers/runtime/reconciler.ts'
import type { Disk } from '../../../crds/v1alpha1/disk.ts'
import type { VirtualMachine } from '../../../crds/v1alpha1/virtual-machine.ts'
import { startTcpProxy, type TcpProxy } from '../../conformance/storage-tcp-proxy.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'

/*
 * A small controller with all that controllers do, on a real server: a finalizer, a child, a status, an Event, a
 * deletion that waits for the child.
 */

const finalizer = 'kvorum.dev/test'
const leaderElection = {
  namespace: 'default',
  name: 'test',
  leaseDurationMs: 3_000,
  renewDeadlineMs: 2_000,
  retryPeriodMs: 500,
}

let server: TestApiServer
let user: Client
const ends: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  server = await startTestApiServer({ storage: 'memory', installCrds: 'crds' })
  user = connect(server.url)
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
  await server.close()
})

function connect(url: string): Client {
  const client = httpClient({ ...configFromText(server.adminKubeconfig), server: url }, { timeoutMs: 2_000 })
  ends.push(() => client.close())
  return client
}

interface Process {
  readonly manager: Manager
  readonly proxy: TcpProxy
  /** Objects that it looked at. */
  readonly looked: string[]
}

/** One process of controllers with a network of its own. */
async function startProcess(identity: string): Promise<Process> {
  const proxy = await startTcpProxy(server.url)
  const client = connect(proxy.endpoint.replace('http:', 'https:'))
  const log = silentLogger
  const shared = { client, clock: systemClock, log }
  const recorder = eventRecorder({ ...shared, reportingController: 'kvorum.dev/test', instance: identity })
  const machines = informer({ ...shared, resource: virtualMachines })
  const children = informer({ ...shared, resource: disks })
  const looked: string[] = []
  const keep: Step<VirtualMachine> = async ({ clock, events: told }, vm) => {
    if (!vm.metadata.finalizers?.includes(finalizer)) {
      vm.metadata.finalizers = [finalizer]
      return stop
    }
    const hasDisk = children.get(diskKey(vm)) !== undefined
    if (!hasDisk) {
      await client.create(disks, childOf(vm)).catch(unless(isAlreadyExists))
      told.normal(vm, 'Created', 'Made the disk')
    }
    setCondition(vm, clock, {
      type: 'Ready',
      status: hasDisk ? 'True' : 'False',
      reason: 'Test',
      message: '',
    })
    return proceed
  }
  const remove: Step<VirtualMachine> = async (_ctx, vm) => {
    const child = children.get(diskKey(vm))
    if (child === undefined) vm.metadata.finalizers = []
    else await client.delete(disks, child.metadata).catch(unless(isNotFound))
    return proceed
  }
  const reconcile: Step<VirtualMachine> = (ctx, vm) => {
    looked.push(vm.metadata.name)
    return vm.metadata.deletionTimestamp === undefined ? keep(ctx, vm) : remove(ctx, vm)
  }
  const runtime = { ...shared, events: recorder, metrics: controllerMetrics(new Registry()) }
  const spec = {
    reconciler: { name: 'test', reconcile },
    informer: machines,
    watches: [watchOwned(children, virtualMachines)],
  }
  const manager = startManager({
    runtime,
    informers: [machines, children],
    controllers: [(given) => startController(spec, given)],
    leaderElection: { ...leaderElection, identity },
  })
  manager.done.catch(() => {})
  ends.push(
    () => proxy.close(),
    () => recorder.close(),
    () => manager.stop(),
  )
  return { manager, proxy, looked }
}

const diskKey = (vm: VirtualMachine) => `${keyOf(vm.metadata)}-root`

function unless(expected: (error: unknown) => boolean) {
  return (error: unknown) => {
    if (!expected(error)) throw error
  }
}

function childOf(vm: VirtualMachine): Disk {
  const { apiVersion, kind, metadata } = vm
  const { name, namespace = 'default', uid = '' } = metadata
  return {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'Disk',
    metadata: {
      name: `${name}-root`,
      namespace,
      ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
    },
    spec: { size: '1Gi' } as Disk['spec'],
  }
}

const key = (name: string) => ({ name, namespace: 'default' })

function machine(name: string): VirtualMachine {
  const spec = { memory: { size: '1Gi' } } as VirtualMachine['spec']
  return { apiVersion: 'kvorum.dev/v1alpha1', kind: 'VirtualMachine', metadata: key(name), spec }
}

async function createMachines(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await user.create(virtualMachines, machine(`vm-${i}`))
}

/** How many machines are as they should be: finalizer, one disk, and a status about the spec of now. */
async function wellMachines(): Promise<number> {
  const children = (await user.list(disks)).items.map(({ metadata }) => metadata.name)
  const { items } = await user.list(virtualMachines)
  return items.filter(
    ({ metadata, status }) =>
      metadata.finalizers?.includes(finalizer) &&
      children.includes(`${metadata.name}-root`) &&
      status?.observedGeneration === metadata.generation &&
      status?.conditions?.[0]?.status === 'True',
  ).length
}

describe('controllers on a real server', () => {
  test('bring everything about, tell it, come to rest, and clean up', async () => {
    const { manager, looked } = await startProcess('a')
    await manager.running
    await createMachines(20)

    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(20)
    await expect
      .poll(async () => (await user.list(events)).items.filter(({ reason }) => reason === 'Created').length)
      .toBe(20)
    const versions = async () =>
      (await user.list(virtualMachines)).items.slice(0, 20).map(({ metadata }) => metadata.resourceVersion)
    const before = await versions()
    // Queues are first come, first served: whatever was still to be done is done before the new one.
    await user.create(virtualMachines, machine('zz-last'))
    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(21)
    expect(await versions()).toEqual(before)
    // Finalizer, disk and condition, each seen again: no more looks than there were reasons.
    expect(looked.length).toBeLessThanOrEqual(21 * 6)
    await user.delete(virtualMachines, key('zz-last'))
    for (let i = 0; i < 20; i++) await user.delete(virtualMachines, key(`vm-${i}`))

    await expect.poll(async () => (await user.list(virtualMachines)).items, { timeout: 10_000 }).toEqual([])
    expect((await user.list(disks)).items).toEqual([])
  })

  test('keep up with a user who edits what they work on', async () => {
    const { manager } = await startProcess('a')
    await manager.running
    await createMachines(5)

    for (let round = 2; round < 12; round++) {
      for (let i = 0; i < 5; i++) {
        const body = { spec: { memory: { size: `${round}Gi` } } }
        await user.patch(virtualMachines, key(`vm-${i}`), { type: 'merge', body })
      }
    }

    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(5)
    const { items } = await user.list(virtualMachines)
    expect(items.map(({ metadata, spec }) => [metadata.generation, spec.memory.size])).toEqual(
      Array.from({ length: 5 }, () => [11, '11Gi']),
    )
  })

  test('go on in another process when the first loses its network, and never run in both', async () => {
    const first = await startProcess('a')
    await first.manager.running
    const second = await startProcess('b')
    await createMachines(3)
    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(3)
    expect(second.looked).toEqual([])

    first.proxy.holdAnswers()
    let firstEnded = false
    const firstDone = first.manager.done.catch((error: unknown) => {
      firstEnded = true
      return error
    })
    await second.manager.running
    expect(firstEnded).toBe(true)
    await user.delete(disks, key('vm-1-root'))

    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(3)
    expect(await firstDone).toMatchObject({ name: 'LeadershipLostError' })
    expect(second.looked).toContain('vm-1')
    const { spec } = await user.get(leases, { namespace: 'default', name: 'test' })
    expect(spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
  })

  test('hand over at once when they are asked to stop', async () => {
    const first = await startProcess('a')
    await first.manager.running
    const second = await startProcess('b')

    await first.manager.stop()
    await second.manager.running
    await createMachines(1)

    await expect.poll(wellMachines, { timeout: 10_000 }).toBe(1)
  })

  test('come through a network that breaks again and again', async () => {
    const { manager, proxy } = await startProcess('a')
    await manager.running
    proxy.cutEvery(40_000, 10)

    await createMachines(60)

    await expect.poll(wellMachines, { timeout: 30_000 }).toBe(60)
    expect(proxy.cuts).toBeGreaterThanOrEqual(5)
  })
})
