import { afterEach, describe, expect, test } from 'vitest'
import { disks, virtualMachineInstances } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import type { Disk } from '../../../../crds/v1alpha1/disk.ts'
import { StorageDriverError } from '../../../../node-daemon/storage/storage-driver.ts'
import type { Overrides } from '../../../support/builders.ts'
import { aDisk, anImage, aPlacedRun, aWorld, hostName, uuid, type World } from '../support.ts'

let world: World
afterEach(() => world.stop())

const gibibyte = 1024 ** 3
const key = { namespace: 'default', name: 'disk-1' }
const digest = 'sha256:4f2a8c9d5a9b8e9d7fd4fcbb5b5d5f2b1c9bdf0a3f5c5d0d5ad4bb0b8ee5b3c1'

const aClaimedDisk = (overrides: Overrides<Disk> = {}) => aDisk({ status: { hostName }, ...overrides })
const fromImage = { spec: { size: undefined, source: { image: { name: 'image-1' } } } }
const importing = anImage({ status: { hostName, phase: 'Pending' } })

async function start(...objects: KubeObject[]): Promise<World> {
  world = aWorld(...objects)
  world.start()
  await world.settle(1_000)
  return world
}

const ready = async () => getCondition((await world.disk()) ?? {}, 'Ready')

async function grow(size: string): Promise<void> {
  const disk = await world.disk()
  if (disk === undefined) throw new Error('there is no disk')
  disk.spec.size = size
  await world.client.update(disks, disk)
  await world.settle(1_000)
}

describe('a disk on this host', () => {
  test('is made', async () => {
    await start(aClaimedDisk())
    expect((await world.disk())?.status).toMatchObject({
      phase: 'Ready',
      path: expect.stringMatching(/^\/fake\/disks\//),
      capacityBytes: 10 * gibibyte,
      allocatedBytes: expect.any(Number),
    })
    expect(await ready()).toMatchObject({ status: 'True', reason: 'Provisioned', observedGeneration: 1 })
  })

  test('of no host is not touched until a machine of this host wants it', async () => {
    await start(aDisk())
    await world.settle(5_000)
    expect((await world.disk())?.status).toBeUndefined()
  })

  test('waits for its image, and then has its size', async () => {
    await start(aClaimedDisk(fromImage))
    expect(await ready()).toMatchObject({ reason: 'ImageNotFound', message: 'Image image-1 does not exist' })
    world.client.seed(importing)
    await world.settle(3_000)
    expect((await world.disk())?.status).toMatchObject({ phase: 'Ready', capacityBytes: 1024 ** 2 })
  })

  test('whose image failed says so', async () => {
    await start(aClaimedDisk(fromImage), anImage({ status: { hostName, phase: 'Failed' } }))
    expect(await ready()).toMatchObject({ status: 'False', reason: 'ImageFailed' })
  })

  test('smaller than its image is refused until it is larger', async () => {
    await start(aClaimedDisk({ spec: { ...fromImage.spec, size: '512Ki' } }), importing)
    expect((await world.disk())?.status?.phase).toBe('Failed')
    expect(await ready()).toMatchObject({ reason: 'SizeTooSmall' })
    await grow('2Mi')
    expect((await world.disk())?.status).toMatchObject({ phase: 'Ready', capacityBytes: 2 * 1024 ** 2 })
  })

  test('from an image that another host imported fetches it here, and gives the copy up with the disk', async () => {
    const elsewhere = anImage({ status: { hostName: 'host-2', phase: 'Ready' } })
    await start(aClaimedDisk(fromImage), elsewhere)
    expect((await world.disk())?.status?.phase).toBe('Ready')
    expect(world.storage.world.stored).toHaveLength(2)
    await world.client.delete(disks, key)
    await world.settle(1_000)
    expect(world.storage.world.stored).toEqual([])
  })

  test('is only made from the bytes that the image had elsewhere', async () => {
    const elsewhere = anImage({ status: { hostName: 'host-2', phase: 'Ready', digest } })
    await start(aClaimedDisk(fromImage), elsewhere)
    expect(await ready()).toMatchObject({ status: 'False', reason: 'ProvisionFailed' })
    expect((await ready())?.message).toContain(digest)
  })

  test('that cannot be made is tried again and says why', async () => {
    world = aWorld(aClaimedDisk())
    const full = new StorageDriverError('no-space', 'the storage domain has no space left')
    world.storage.world.failNext('createDisk', full, 2)
    world.start()
    await world.settle(500)
    expect(await ready()).toMatchObject({
      reason: 'ProvisionFailed',
      message: 'The storage domain has no space left',
    })
    await world.settle(5_000)
    expect((await world.disk())?.status?.phase).toBe('Ready')
  })

  test.each([true, undefined])(
    'that is to be wiped after its deletion (%s) is wiped before it goes',
    async (wipe) => {
      await start(aClaimedDisk({ spec: { wipeAfterDelete: wipe } }))
      await world.client.delete(disks, key)
      await world.settle(1_000)
      expect(await world.disk()).toBeUndefined()
      expect(world.storage.world.wiped.size).toBe(wipe === true ? 1 : 0)
      expect(world.storage.world.stored).toEqual([])
    },
  )

  test('grows while nobody uses it', async () => {
    await start(aClaimedDisk())
    await grow('20Gi')
    expect((await world.disk())?.status?.capacityBytes).toBe(20 * gibibyte)
  })

  test('grows under a running machine', async () => {
    await start(aDisk(), aPlacedRun())
    const { path = '' } = (await world.disk())?.status ?? {}
    await grow('20Gi')
    expect(world.hypervisor.world.diskBytes(uuid, path)).toBe(20 * gibibyte)
    expect((await world.disk())?.status?.capacityBytes).toBe(20 * gibibyte)
  })

  test('that cannot grow still serves', async () => {
    await start(aClaimedDisk())
    world.storage.world.failNext('growDisk', new StorageDriverError('no-space', 'no space'), 1)
    const disk = await world.disk()
    if (disk === undefined) throw new Error('there is no disk')
    await world.client.update(disks, { ...disk, spec: { ...disk.spec, size: '20Gi' } })
    await world.settle(500)
    expect(await ready()).toMatchObject({ status: 'True' })
    await world.settle(5_000)
    expect((await world.disk())?.status?.capacityBytes).toBe(20 * gibibyte)
  })

  test('that is deleted goes with its file', async () => {
    await start(aClaimedDisk())
    await world.client.delete(disks, key)
    await world.settle(1_000)
    expect(await world.disk()).toBeUndefined()
    expect(world.storage.world.stored).toEqual([])
  })

  test('that is deleted stays until its machine has ended', async () => {
    await start(aDisk(), aPlacedRun())
    await world.client.delete(disks, key)
    await world.settle(10_000)
    expect(world.storage.world.stored).toHaveLength(1)
    expect((await world.run())?.status?.phase).toBe('Running')
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle(1_000)
    expect(await world.disk()).toBeUndefined()
    expect(world.storage.world.stored).toEqual([])
  })

  test('that is being deleted is no disk for a machine to start with', async () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['somebody.else/holds'] }
    await start(aClaimedDisk({ metadata: going }), aPlacedRun())
    expect(getCondition((await world.run()) ?? {}, 'Ready')).toMatchObject({
      reason: 'WaitingForDisks',
      message: 'Disk disk-1 is being deleted',
    })
    expect(world.hypervisor.world.calls.startDomain).toBe(0)
  })

  test('kept on another host is waited for by name', async () => {
    await start(aDisk({ status: { hostName: 'host-2', phase: 'Ready' } }), aPlacedRun())
    expect(getCondition((await world.run()) ?? {}, 'Ready')?.message).toBe(
      'Disk disk-1 is kept on host host-2, this is host-1',
    )
  })

  test('that appears after its machine was placed is claimed and made', async () => {
    await start(aPlacedRun())
    expect(getCondition((await world.run()) ?? {}, 'Ready')?.message).toBe('Disk disk-1 does not exist')
    world.client.seed(aDisk())
    await world.settle(3_000)
    expect((await world.run())?.status?.phase).toBe('Running')
  })

  test('does not lose its readiness when the storage is away for a moment', async () => {
    await start(aDisk(), aPlacedRun())
    world.storage.world.failNext('attach', new StorageDriverError('unavailable', 'away'), 1)
    await world.settle(32_000)
    expect((await world.run())?.status?.phase).toBe('Running')
    await world.settle(10_000)
    expect(await ready()).toMatchObject({ status: 'True' })
  })
})
