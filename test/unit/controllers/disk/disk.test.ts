import { describe, expect, test } from 'vitest'
import { disks, hosts, virtualMachineInstances } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import { aDisk, anImage, aStorageDomain, aVirtualMachineInstance } from '../../../support/builders.ts'
import { anAttachedHost } from '../support/installation.ts'
import { world } from '../support/world.ts'

const fromImage = { source: { image: { name: 'image-1' } } }
const ready = { phase: 'Ready' as const, hostName: 'host-1', virtualSizeBytes: 20 * 1024 ** 3 }

const cases: { name: string; objects: KubeObject[]; reason: string; message: string }[] = [
  {
    name: 'waits for its storage domain',
    objects: [aDisk()],
    reason: 'StorageDomainNotFound',
    message: 'StorageDomain default does not exist',
  },
  {
    name: 'waits for its first machine when it is blank',
    objects: [aDisk(), aStorageDomain()],
    reason: 'WaitForFirstConsumer',
    message: 'Is made on the host that its first machine is placed on',
  },
  {
    name: 'waits for its image to exist',
    objects: [aDisk({ spec: fromImage }), aStorageDomain()],
    reason: 'ImageNotFound',
    message: 'Image image-1 does not exist',
  },
  {
    name: 'waits for its image to be imported',
    objects: [aDisk({ spec: fromImage }), aStorageDomain(), anImage()],
    reason: 'ImageNotReady',
    message: 'Image image-1 is not imported yet',
  },
  {
    name: 'says that it is smaller than its image',
    objects: [aDisk({ spec: fromImage }), aStorageDomain(), anImage({ status: ready })],
    reason: 'SizeTooSmall',
    message: 'Size 10Gi is less than the 21474836480 bytes of image image-1',
  },
  {
    name: 'takes the size of its image when it names none',
    objects: [
      aDisk({ spec: { ...fromImage, size: undefined } }),
      aStorageDomain(),
      anImage({ status: ready }),
    ],
    reason: 'WaitForFirstConsumer',
    message: 'Is made on the host that its first machine is placed on',
  },
]

describe('a disk that no daemon has taken', () => {
  test.each(cases)('$name', async ({ objects, reason, message }) => {
    const w = world(...objects)
    await w.settle()
    const disk = await w.get(disks, 'disk-1')
    expect(disk.metadata.finalizers).toEqual(['kvorum.dev/disk'])
    expect(disk.status?.phase).toBe('Pending')
    expect(getCondition(disk, 'Ready')).toMatchObject({ status: 'False', reason, message })
  })
})

test('once a daemon has taken it, its status is the daemon’s', async () => {
  const disk = aDisk({ status: { hostName: 'host-1', phase: 'Provisioning' } })
  const w = world(disk)
  await w.settle()
  expect((await w.get(disks, 'disk-1')).status).toMatchObject({ hostName: 'host-1', phase: 'Provisioning' })
  expect(getCondition(await w.get(disks, 'disk-1'), 'Ready')).toBeUndefined()
})

describe('a disk that is deleted', () => {
  const finalizers = ['kvorum.dev/disk']
  const held = aDisk({ metadata: { finalizers }, status: { hostName: 'host-1', phase: 'Ready' } })
  const run = (phase: 'Running' | 'Succeeded') =>
    aVirtualMachineInstance({
      metadata: { name: 'web' },
      spec: { hostName: 'host-1', disks: [{ name: 'root', bus: 'virtio', disk: { name: 'disk-1' } }] },
      status: { phase },
    })
  const deleted = async (...objects: KubeObject[]) => {
    const w = world(...objects)
    await w.client.delete(disks, { name: 'disk-1', namespace: 'default' })
    await w.settle()
    return w
  }

  test('and exists nowhere goes at once', async () => {
    const w = await deleted(aDisk({ metadata: { finalizers } }))
    expect(await w.find(disks, 'disk-1')).toBeUndefined()
  })

  test('waits for the run that uses it, by name', async () => {
    const w = await deleted(held, anAttachedHost('host-1'), run('Running'))
    const disk = await w.get(disks, 'disk-1')
    expect(disk.status?.phase).toBe('Ready')
    expect(getCondition(disk, 'Ready')).toMatchObject({
      reason: 'InUse',
      message: 'Deletion waits for machine web',
    })
    await w.client.delete(virtualMachineInstances, { name: 'web', namespace: 'default' })
    await w.settle()
    expect((await w.get(disks, 'disk-1')).status?.phase).toBe('Deleting')
  })

  test('is handed to the daemon of its host, though a finished run names it', async () => {
    const w = await deleted(held, anAttachedHost('host-1'), run('Succeeded'))
    const disk = await w.get(disks, 'disk-1')
    expect(disk.status?.phase).toBe('Deleting')
    expect(getCondition(disk, 'Ready')).toMatchObject({
      reason: 'Deleting',
      message: 'Being removed from host-1',
    })
    expect(disk.metadata.finalizers).toEqual(finalizers)
  })

  test('goes with a warning when its host was taken out of the installation', async () => {
    const w = await deleted(held, anAttachedHost('host-1'))
    await w.client.delete(hosts, { name: 'host-1' })
    await w.settle()
    expect(await w.find(disks, 'disk-1')).toBeUndefined()
    expect(w.events).toEqual([
      expect.objectContaining({ type: 'Warning', object: 'disk-1', reason: 'HostGone' }),
    ])
  })
})
