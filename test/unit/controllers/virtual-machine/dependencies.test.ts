import { describe, expect, test } from 'vitest'
import {
  disks,
  hosts,
  networks,
  virtualMachineInstances,
  virtualMachines,
} from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { StatusError } from '../../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import {
  type Overrides,
  aDisk,
  aHostCluster,
  anImage,
  aNetwork,
  aStorageDomain,
  aVirtualMachineInstance,
  uidOf,
} from '../../../support/builders.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { aMachineWithDisk, anAttachedHost } from '../support/installation.ts'
import { world } from '../support/world.ts'

const cluster = aHostCluster()
const host = anAttachedHost('host-1')
const domain = aStorageDomain()
const network = aNetwork()
const image = anImage({ status: { phase: 'Ready', hostName: 'host-1', virtualSizeBytes: 1024 ** 3 } })
const everything = [cluster, host, domain, network, image]
const without = (object: KubeObject) => everything.filter((one) => one !== object)

async function settled(objects: readonly KubeObject[]) {
  const w = world(...objects)
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  return { w, settle, machine: () => w.get(virtualMachines, 'web') }
}

interface Case {
  name: string
  objects: KubeObject[]
  spec?: Overrides<VirtualMachine['spec']>
  phase: string
  condition: { type: string; reason: string; message: string }
  repair: KubeObject
}

const cases: Case[] = [
  {
    name: 'a network that does not exist',
    objects: without(network),
    phase: 'Pending',
    condition: {
      type: 'NetworksReady',
      reason: 'NetworkNotFound',
      message: 'Network default of interface eth0 does not exist',
    },
    repair: network,
  },
  {
    name: 'an image that does not exist',
    objects: without(image),
    phase: 'Pending',
    condition: {
      type: 'DisksReady',
      reason: 'ImageNotFound',
      message: 'Disk web-root: Image image-1 does not exist',
    },
    repair: image,
  },
  {
    name: 'a storage domain that does not exist',
    objects: without(domain),
    phase: 'Pending',
    condition: {
      type: 'DisksReady',
      reason: 'StorageDomainNotFound',
      message: 'Disk web-root: StorageDomain default does not exist',
    },
    repair: domain,
  },
  {
    name: 'a cluster that does not exist',
    objects: without(cluster),
    phase: 'Scheduling',
    condition: {
      type: 'Scheduled',
      reason: 'HostClusterNotFound',
      message: 'HostCluster default does not exist',
    },
    repair: cluster,
  },
  {
    name: 'a disk that does not exist',
    objects: everything,
    spec: { disks: [{ name: 'data', bus: 'virtio', disk: { name: 'data' } }] },
    phase: 'Pending',
    condition: { type: 'DisksReady', reason: 'DiskNotFound', message: 'Disk data does not exist' },
    repair: aDisk({ metadata: { name: 'data' } }),
  },
  {
    name: 'an image in a CD-ROM drive that does not exist',
    objects: everything,
    spec: { disks: [{ name: 'media', type: 'CdRom', bus: 'sata', image: { name: 'media' } }] },
    phase: 'Pending',
    condition: { type: 'DisksReady', reason: 'ImageNotFound', message: 'Image media does not exist' },
    repair: anImage({ metadata: { name: 'media' }, status: { phase: 'Ready', hostName: 'host-1' } }),
  },
]

describe('a machine that names', () => {
  test.each(cases)('$name waits, says which, and runs once it is there', async (row) => {
    const { w, settle, machine } = await settled([...row.objects, aMachineWithDisk('web', row.spec)])
    const waiting = await machine()
    expect(waiting.status?.phase).toBe(row.phase)
    const { type, reason, message } = row.condition
    expect(getCondition(waiting, type)).toMatchObject({ status: 'False', reason, message })
    expect(getCondition(waiting, 'Ready')?.status).toBe('False')
    expect(w.events.filter((event) => event.object === 'web' && event.reason === reason)).toHaveLength(1)

    w.client.seed(row.repair)
    await settle()
    expect((await machine()).status?.phase).toBe('Running')
  })
})

test('a machine whose image failed says so, with the reason of the image', async () => {
  const failed = anImage({
    status: {
      phase: 'Failed',
      hostName: 'host-1',
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'ChecksumMismatch',
          message: 'sha256:aa is not sha256:bb',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  })
  const { machine } = await settled([...without(image), failed, aMachineWithDisk('web')])
  expect(getCondition(await machine(), 'DisksReady')).toMatchObject({
    reason: 'ImageFailed',
    message: 'Disk web-root: Image image-1 failed: sha256:aa is not sha256:bb',
  })
})

test('a Disk of the name of an inline disk that belongs to something else is not adopted', async () => {
  const foreign = aDisk({ metadata: { name: 'web-root' } })
  const { w, machine } = await settled([...everything, foreign, aMachineWithDisk('web')])
  expect(getCondition(await machine(), 'DisksReady')).toMatchObject({
    reason: 'DiskNotOwned',
    message: 'Disk web-root exists and does not belong to this machine',
  })
  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  await w.settle()
  expect(await w.find(virtualMachines, 'web')).toBeUndefined()
  expect((await w.get(disks, 'web-root')).metadata.deletionTimestamp).toBeUndefined()
})

test('a run of the name of the machine that belongs to something else is not touched', async () => {
  const foreign = aVirtualMachineInstance({
    metadata: { name: 'web' },
    spec: { hostName: 'host-1', virtualMachine: { name: 'web', uid: uidOf('another') } },
  })
  const { w, settle, machine } = await settled([...everything, foreign, aMachineWithDisk('web')])
  expect((await machine()).status?.phase).toBe('Pending')
  expect(getCondition(await machine(), 'Ready')?.reason).toBe('InstanceNotOwned')
  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  await settle()
  expect(await w.find(virtualMachines, 'web')).toBeUndefined()
  expect((await w.get(virtualMachineInstances, 'web')).metadata.uid).toBe(foreign.metadata.uid)
})

test('a disk that the API server refuses is a condition with its words, and is tried again', async () => {
  const w = world(...everything, aMachineWithDisk('web'))
  const end = w.client.onCall(({ verb, resource }) => {
    if (verb === 'create' && resource.plural === 'disks') {
      throw new StatusError('Forbidden', 'exceeded quota: disks')
    }
  })
  await w.settle()
  expect(getCondition(await w.get(virtualMachines, 'web'), 'DisksReady')).toMatchObject({
    reason: 'DiskRefused',
    message: 'Disk web-root is refused: exceeded quota: disks',
  })
  expect(await w.pass('machine', 'default/web')).toEqual({ next: 'retry', afterMs: 30_000 })
  end()
  await w.settle(() => fakeDaemons(w.client, w.clock).work())
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Running')
})

test('of two machines that share a disk only one runs; the other waits for its end', async () => {
  const shared = { disks: [{ name: 'data', bus: 'virtio' as const, disk: { name: 'data' } }] }
  const machines = [aMachineWithDisk('one', shared), aMachineWithDisk('two', shared)]
  const w = world(...everything, aDisk({ metadata: { name: 'data' } }))
  await w.settle()
  for (const machine of machines) await w.client.create(virtualMachines, machine)
  const daemons = fakeDaemons(w.client, w.clock)
  await w.sync()
  for (const key of ['default/one', 'default/two']) await w.pass('machine', key)
  await w.sync()
  // Both decide on caches in which no run uses the disk.
  for (const key of ['default/one', 'default/two']) await w.pass('machine', key)
  expect((await w.client.list(virtualMachineInstances)).items.map(({ metadata }) => metadata.name)).toEqual([
    'one',
  ])

  await w.settle(() => daemons.work())
  expect((await w.get(virtualMachines, 'one')).status?.phase).toBe('Running')
  expect(getCondition(await w.get(virtualMachines, 'two'), 'DisksReady')).toMatchObject({
    reason: 'DiskInUse',
    message: 'Disk data is in use by machine one',
  })
  const body = { spec: { power: 'Stopped' } }
  await w.client.patch(virtualMachines, { name: 'one', namespace: 'default' }, { type: 'merge', body })
  await w.settle(() => daemons.work())
  expect((await w.get(virtualMachines, 'two')).status?.phase).toBe('Running')
})

test('a host that is not heard from makes Ready unknown, and ends nothing', async () => {
  const { w, machine, settle } = await settled([...everything, aMachineWithDisk('web')])
  await w.clock.advance(5_000)
  await w.settle()
  expect(getCondition(await w.get(hosts, 'host-1'), 'Ready')).toMatchObject({
    status: 'Unknown',
    reason: 'LeaseExpired',
  })
  const lost = await machine()
  expect(getCondition(lost, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'HostUnreachable' })
  expect(lost.status?.phase).toBe('Running')
  await settle()
  expect(getCondition(await machine(), 'Ready')?.status).toBe('True')
})

test('a network in use by nobody may go; one that a machine is plugged into waits', async () => {
  const { w, settle } = await settled([...everything, aMachineWithDisk('web')])
  await w.client.delete(networks, { name: 'default' })
  await settle()
  expect(getCondition(await w.get(networks, 'default'), 'Ready')).toMatchObject({
    reason: 'InUse',
    message: 'Deletion waits for 1 machine',
  })
  await w.client.delete(virtualMachines, { name: 'web', namespace: 'default' })
  await settle()
  expect(await w.find(networks, 'default')).toBeUndefined()
})
