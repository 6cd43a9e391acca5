import { expect, test } from 'vitest'
import {
  disks,
  hosts,
  images,
  virtualMachineInstances,
  virtualMachines,
} from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { anInstallation, aMachineWithDisk } from '../support/installation.ts'
import { type World, world } from '../support/world.ts'

const start = async (...objects: KubeObject[]) => {
  const w = world(...anInstallation(), ...objects)
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  return { w, daemons, settle }
}

const patchSpec = (w: World, name: string, spec: object) =>
  w.client.patch(virtualMachines, { name, namespace: 'default' }, { type: 'merge', body: { spec } })

const readyOf = (vm: VirtualMachine) => getCondition(vm, 'Ready')

test('a machine is applied, runs, is stopped, starts again with the same identity, and leaves nothing', async () => {
  const { w, settle } = await start(aMachineWithDisk('web'))

  const running = await w.get(virtualMachines, 'web')
  expect(running.status).toMatchObject({ phase: 'Running', hostName: 'host-1', ipAddress: '10.80.0.2' })
  expect(readyOf(running)).toMatchObject({ status: 'True', reason: 'Running', message: 'Running on host-1' })
  const firstRun = await w.get(virtualMachineInstances, 'web')
  expect(firstRun.spec).toMatchObject({
    hostName: 'host-1',
    uuid: running.metadata.uid,
    disks: [{ name: 'root', disk: { name: 'web-root' }, bus: 'virtio' }],
    interfaces: [
      { name: 'eth0', network: { name: 'default' }, macAddress: running.status?.interfaces?.[0]?.macAddress },
    ],
  })
  expect((await w.get(disks, 'web-root')).metadata.ownerReferences).toEqual([
    expect.objectContaining({ kind: 'VirtualMachine', uid: running.metadata.uid, controller: true }),
  ])

  await patchSpec(w, 'web', { power: 'Stopped' })
  await settle()
  const stopped = await w.get(virtualMachines, 'web')
  expect(stopped.status?.phase).toBe('Stopped')
  expect(readyOf(stopped)).toMatchObject({ status: 'False', reason: 'Stopped' })
  expect(await w.find(virtualMachineInstances, 'web')).toBeUndefined()
  expect(await w.find(disks, 'web-root')).toBeDefined()

  await patchSpec(w, 'web', { power: 'Running' })
  await settle()
  const again = await w.get(virtualMachines, 'web')
  expect(again.status).toMatchObject({
    phase: 'Running',
    uuid: running.status?.uuid,
    interfaces: running.status?.interfaces,
  })
  expect((await w.get(virtualMachineInstances, 'web')).metadata.uid).not.toBe(firstRun.metadata.uid)

  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  await settle()
  for (const resource of [virtualMachines, virtualMachineInstances, disks]) {
    expect((await w.client.list<KubeObject>(resource)).items).toEqual([])
  }
})

test('the Events tell the story', async () => {
  const { w, settle } = await start(aMachineWithDisk('web'))
  await patchSpec(w, 'web', { power: 'Stopped' })
  await settle()

  const story = w.events
    .filter(({ object }) => object === 'web')
    .map(({ type, reason }) => `${type} ${reason}`)
  expect(story).toEqual([
    'Normal Created',
    'Normal HostAssigned',
    'Normal Started',
    'Normal Stopping',
    'Normal Stopped',
  ])
})

test('once settled, another pass over everything writes nothing', async () => {
  const { w, daemons, settle } = await start(aMachineWithDisk('web'), aMachineWithDisk('db'))
  const versions = async () => {
    const all = await Promise.all(
      [virtualMachines, virtualMachineInstances, disks, images, hosts].map((resource) =>
        w.client.list<KubeObject>(resource),
      ),
    )
    return all.flatMap(({ items }) => items.map(({ metadata }) => metadata.resourceVersion))
  }
  const before = await versions()
  const calls: string[] = []
  w.client.onCall(({ verb, resource }) => void calls.push(`${verb} ${resource.plural}`))
  const told = w.events.length
  await w.clock.advance(3_600_000)
  await daemons.work()
  const renewals = calls.length
  await settle()
  expect(await versions()).toEqual(before)
  expect(calls.slice(renewals).filter((call) => !/^(get|list)|leases/.test(call))).toEqual([])
  expect(w.events.length).toBe(told)
})

test('a restarted process changes nothing about machines that run', async () => {
  const { w, settle } = await start(aMachineWithDisk('web'))
  const before = await w.get(virtualMachines, 'web')
  w.restart()
  await settle()
  expect(await w.get(virtualMachines, 'web')).toEqual(before)
})

test('lost status is rebuilt from the run', async () => {
  const { w, settle } = await start(aMachineWithDisk('other'), aMachineWithDisk('web'))
  const before = await w.get(virtualMachines, 'web')
  await w.client.update(virtualMachines, { ...before, status: {} }, { subresource: 'status' })
  w.restart()
  await settle()
  const { uuid, interfaces, phase } = (await w.get(virtualMachines, 'web')).status ?? {}
  expect({ uuid, interfaces, phase }).toEqual({
    uuid: before.status?.uuid,
    interfaces: before.status?.interfaces,
    phase: 'Running',
  })
})

test('a machine that is deleted before its first pass goes without a trace', async () => {
  const w = world(...anInstallation())
  await w.client.create(virtualMachines, aMachineWithDisk('web'))
  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  await w.settle()
  expect(await w.find(virtualMachines, 'web')).toBeUndefined()
})

test('a run whose creation the cache has not shown yet is ended with its machine', async () => {
  const { w, daemons, settle } = await start(aMachineWithDisk('web', { power: 'Stopped' }))
  await patchSpec(w, 'web', { power: 'Running' })
  await w.sync()
  await w.pass('machine', 'default/web')
  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  // The cache of machines sees the deletion; that of runs is behind.
  const run = await w.get(virtualMachineInstances, 'web')
  expect(run.metadata.deletionTimestamp).toBeUndefined()
  await settle()
  await daemons.work()
  expect(await w.find(virtualMachineInstances, 'web')).toBeUndefined()
  expect(await w.find(virtualMachines, 'web')).toBeUndefined()
})

test('an inline disk grows with its template', async () => {
  const { w, settle } = await start(aMachineWithDisk('web'))
  const { spec } = await w.get(virtualMachines, 'web')
  const [disk] = spec.disks
  await patchSpec(w, 'web', { disks: [{ ...disk, template: { ...disk?.template, size: '30Gi' } }] })
  await settle()
  expect((await w.get(disks, 'web-root')).spec.size).toBe('30Gi')
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Running')
})

test('a change of the grace period reaches the run at once; other changes wait and are named', async () => {
  const { w, settle } = await start(aMachineWithDisk('web'))
  await patchSpec(w, 'web', {
    terminationGracePeriodSeconds: 5,
    cpu: { cores: 4 },
    memory: { size: '2Gi' },
  })
  await settle()
  const run = await w.get(virtualMachineInstances, 'web')
  expect(run.spec).toMatchObject({
    terminationGracePeriodSeconds: 5,
    cpu: { cores: 1 },
    memory: { size: '1Gi' },
  })
  const vm = await w.get(virtualMachines, 'web')
  expect(getCondition(vm, 'RestartRequired')).toMatchObject({
    status: 'True',
    reason: 'SpecChanged',
    message: 'Changes take effect at the next start: cpu.cores, memory.size',
  })
  expect(vm.status?.phase).toBe('Running')
})

test('a run that no host fits is replaced when the spec changes', async () => {
  const { w, settle } = await start(aMachineWithDisk('huge', { memory: { size: '1Ti' } }))
  const waiting = await w.get(virtualMachines, 'huge')
  expect(waiting.status?.phase).toBe('Scheduling')
  expect(getCondition(waiting, 'Scheduled')).toMatchObject({
    reason: 'NoHostFits',
    message: '0 of 1 host fits: 1 has not enough memory',
  })
  await patchSpec(w, 'huge', { memory: { size: '2Gi' } })
  await settle()
  expect((await w.get(virtualMachines, 'huge')).status?.phase).toBe('Running')
})
