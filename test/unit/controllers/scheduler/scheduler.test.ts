import { describe, expect, test } from 'vitest'
import { hostClusters, hosts, virtualMachineInstances } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { demandOf } from '../../../../controllers/instances.ts'
import { Placements } from '../../../../controllers/placements.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import {
  aDisk,
  aHostCluster,
  anImage,
  aNetwork,
  aStorageDomain,
  aVirtualMachineInstance,
  uidOf,
} from '../../../support/builders.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { anAttachedHost } from '../support/installation.ts'
import { loseAnswers } from '../support/lost-answers.ts'
import { ignoringConflicts, type World, world } from '../support/world.ts'

const base = [aHostCluster(), aStorageDomain(), aNetwork()]
const aRun = (name: string, size = '1Gi') =>
  aVirtualMachineInstance({
    metadata: { name, uid: uidOf('run', name), finalizers: ['kvorum.dev/domain'] },
    spec: { memory: { size } },
  })
const key = (name: string) => ({ name, namespace: 'default' })

/** A pass that writes to a run it has not seen the last of ends in a conflict, and would be repeated. */
const schedule = (w: World, name: string) => ignoringConflicts(w.pass('scheduler', `default/${name}`))

async function settled(...objects: KubeObject[]) {
  const w = world(...base, ...objects)
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  return { w, daemons, settle, run: (name: string) => w.get(virtualMachineInstances, name) }
}

test('200 runs, placed on caches that show nothing of it, never overcommit a host', async () => {
  const names = Array.from({ length: 200 }, (_, index) => `run-${index}`)
  const w = world(
    ...base,
    ...['host-1', 'host-2', 'host-3'].map((name) => anAttachedHost(name)),
    ...names.map((name, index) => aRun(name, index % 3 === 0 ? '1Gi' : '512Mi')),
  )
  await w.sync()
  for (const name of names) await schedule(w, name)

  const runs = (await w.client.list(virtualMachineInstances)).items
  const placed = runs.filter(({ spec }) => spec.hostName !== undefined)
  for (const { metadata, status } of (await w.client.list(hosts)).items) {
    const here = placed.filter(({ spec }) => spec.hostName === metadata.name).map(demandOf)
    expect(here.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)).toBe(status?.allocatable?.memoryBytes)
  }
  const waiting = runs.filter(({ spec }) => spec.hostName === undefined)
  expect(waiting.length).toBeGreaterThan(0)
  for (const run of waiting) {
    expect(getCondition(run, 'Scheduled')?.message).toBe('0 of 3 hosts fit: 3 have not enough memory')
  }
})

test('a run whose placement failed in an unknown way counts once, wherever it ended up', async () => {
  const w = world(...base, anAttachedHost('host-1'), aRun('big', '10Gi'), aRun('other', '10Gi'))
  let answersAreLost = true
  loseAnswers(w.client, () => answersAreLost)
  await w.sync()
  await expect(schedule(w, 'big')).rejects.toThrow('answer lost')
  answersAreLost = false
  // The cache still shows both without a host.
  await schedule(w, 'other')
  await schedule(w, 'big')
  await schedule(w, 'other')
  expect((await w.get(virtualMachineInstances, 'big')).spec.hostName).toBe('host-1')
  expect((await w.get(virtualMachineInstances, 'other')).spec.hostName).toBeUndefined()
})

test('a run that was changed under the scheduler is placed by the next pass, and holds nothing meanwhile', async () => {
  const w = world(...base, anAttachedHost('host-1'), aRun('one', '10Gi'), aRun('two', '10Gi'))
  await w.sync()
  const body = { metadata: { labels: { touched: 'yes' } } }
  await w.client.patch(virtualMachineInstances, key('one'), { type: 'merge', body })
  await schedule(w, 'one')
  await schedule(w, 'two')
  expect((await w.get(virtualMachineInstances, 'one')).spec.hostName).toBeUndefined()
  expect((await w.get(virtualMachineInstances, 'two')).spec.hostName).toBe('host-1')
})

test('a run goes where its disk is, though another host has more room', async () => {
  const disk = aDisk({ metadata: { name: 'data' }, status: { hostName: 'host-1', phase: 'Ready' } })
  const run = aVirtualMachineInstance({
    metadata: { name: 'with-disk' },
    spec: { disks: [{ name: 'data', bus: 'virtio', disk: { name: 'data' } }] },
  })
  const { run: get } = await settled(
    anAttachedHost('host-1', { status: { allocatable: { cpus: 2, memoryBytes: 2 * 1024 ** 3 } } }),
    anAttachedHost('host-2'),
    disk,
    run,
  )
  expect((await get('with-disk')).spec.hostName).toBe('host-1')
})

describe('a run whose disk is yet to be made from an image on local storage', () => {
  const disk = aDisk({ metadata: { name: 'root' }, spec: { source: { image: { name: 'image-1' } } } })
  const run = aVirtualMachineInstance({
    metadata: { name: 'from-image' },
    spec: { disks: [{ name: 'root', bus: 'virtio', disk: { name: 'root' } }] },
  })
  const status = { phase: 'Ready' as const, hostName: 'host-2', virtualSizeBytes: 1 }
  const fromFile = { http: undefined, file: { path: 'disk.qcow2' } }
  const full = { allocatable: { cpus: 1, memoryBytes: 1024 ** 2 } }

  test('goes where the image is', async () => {
    const hosts = [anAttachedHost('host-1'), anAttachedHost('host-2')]
    const { run: get } = await settled(...hosts, anImage({ status }), disk, run)
    expect((await get('from-image')).spec.hostName).toBe('host-2')
  })

  test('goes elsewhere when there is no room, for an image from a URL can be fetched again', async () => {
    const hosts = [anAttachedHost('host-1'), anAttachedHost('host-2', { status: full })]
    const { run: get } = await settled(...hosts, anImage({ status }), disk, run)
    expect((await get('from-image')).spec.hostName).toBe('host-1')
  })

  test('waits for room there when the image came from a file of that host', async () => {
    const hosts = [anAttachedHost('host-1'), anAttachedHost('host-2', { status: full })]
    const image = anImage({ spec: { source: fromFile }, status })
    const { run: get } = await settled(...hosts, image, disk, run)
    expect((await get('from-image')).spec.hostName).toBeUndefined()
    expect(getCondition(await get('from-image'), 'Scheduled')?.message).toBe(
      '0 of 2 hosts fit: 1 cannot get the images, 1 has not enough memory',
    )
  })
})

test('a run that waits is placed when a host appears, and keeps its host when a better one does', async () => {
  const { w, settle, run } = await settled(aRun('one'))
  expect(getCondition(await run('one'), 'Scheduled')?.message).toBe('No host is registered')
  w.client.seed(anAttachedHost('host-2'))
  await settle()
  expect((await run('one')).spec.hostName).toBe('host-2')
  expect(getCondition(await run('one'), 'Scheduled')).toMatchObject({
    status: 'True',
    reason: 'HostAssigned',
    message: 'Assigned to host-2',
  })
  w.client.seed(anAttachedHost('host-1', { status: { allocatable: { cpus: 64, memoryBytes: 1024 ** 4 } } }))
  await settle()
  expect((await run('one')).spec.hostName).toBe('host-2')
})

test('a run that is over makes room', async () => {
  const { daemons, settle, run } = await settled(
    anAttachedHost('host-1'),
    aRun('one', '10Gi'),
    aRun('two', '10Gi'),
  )
  const [placed, waiting] = (await run('one')).spec.hostName === undefined ? ['two', 'one'] : ['one', 'two']
  expect((await run(waiting)).spec.hostName).toBeUndefined()
  await daemons.endRun(placed, 'Crashed')
  await settle()
  expect((await run(waiting)).spec.hostName).toBe('host-1')
})

describe('a run with raw libvirt XML', () => {
  const wild = aVirtualMachineInstance({
    metadata: { name: 'wild', uid: uidOf('run', 'wild'), finalizers: ['kvorum.dev/domain'] },
    spec: { libvirtFragments: ['<shmem name="shared"/>'] },
  })

  test('waits while its cluster does not allow it, and is placed once it does', async () => {
    const { w, settle, run } = await settled(anAttachedHost('host-1'), wild)
    expect(getCondition(await run('wild'), 'Scheduled')).toMatchObject({
      status: 'False',
      reason: 'FragmentsForbidden',
      message: 'HostCluster default does not allow libvirtFragments',
    })

    const cluster = await w.get(hostClusters, 'default')
    await w.client.update(hostClusters, {
      ...cluster,
      spec: { ...cluster.spec, libvirtFragments: 'Allowed' },
    })
    await settle()

    expect((await run('wild')).spec.hostName).toBe('host-1')
  })
})

describe('a run that shows an image in a CD-ROM drive', () => {
  test('goes to the host that keeps the image, though another has more room', async () => {
    const media = anImage({ metadata: { name: 'media' }, status: { phase: 'Ready', hostName: 'host-1' } })
    const showing = aVirtualMachineInstance({
      metadata: { name: 'showing', uid: uidOf('run', 'showing'), finalizers: ['kvorum.dev/domain'] },
      spec: { disks: [{ name: 'media', type: 'CdRom', bus: 'sata', image: { name: 'media' } }] },
    })
    const { run } = await settled(
      anAttachedHost('host-1'),
      anAttachedHost('host-2'),
      media,
      aVirtualMachineInstance({ metadata: { name: 'neighbour' }, spec: { hostName: 'host-1' } }),
      showing,
    )

    expect((await run('showing')).spec.hostName).toBe('host-1')
  })
})

describe('a run that is deleted', () => {
  test('without a host is let go', async () => {
    const { w, settle } = await settled(aRun('one'))
    await w.client.delete(virtualMachineInstances, key('one'))
    await settle()
    expect(await w.find(virtualMachineInstances, 'one')).toBeUndefined()
  })

  test('and over, on a host that is no longer registered, is let go', async () => {
    const { w, daemons, settle } = await settled(anAttachedHost('host-1'), aRun('one'))
    await daemons.endRun('one', 'Crashed')
    await w.client.delete(hosts, { name: 'host-1' })
    await w.client.delete(virtualMachineInstances, key('one'))
    await w.settle()
    await settle()
    expect(await w.find(virtualMachineInstances, 'one')).toBeUndefined()
  })

  test('and not known to be over is kept, though its host is no longer registered', async () => {
    const { w, run } = await settled(anAttachedHost('host-1'), aRun('one'))
    await w.client.delete(hosts, { name: 'host-1' })
    await w.client.delete(virtualMachineInstances, key('one'))
    await w.settle()
    expect((await run('one')).metadata.finalizers).toEqual(['kvorum.dev/domain'])
  })
})

describe('Placements', () => {
  const unplaced = aRun('one')
  const placed = aVirtualMachineInstance({ ...unplaced, spec: { hostName: 'host-1' } })
  const finished = aVirtualMachineInstance({ ...placed, status: { phase: 'Succeeded' } })
  const one = { cpus: 1, memoryBytes: 1024 ** 3, machines: 1 }
  const none = { cpus: 0, memoryBytes: 0, machines: 0 }

  test('an assumption counts until the cache shows it, and once then', () => {
    const placements = new Placements()
    placements.observe('default/one', unplaced)
    placements.assume(unplaced, 'host-1')
    expect(placements.usageOf('host-1')).toEqual(one)
    placements.observe('default/one', unplaced)
    expect(placements.usageOf('host-1')).toEqual(one)
    placements.observe('default/one', placed)
    expect(placements.usageOf('host-1')).toEqual(one)
    placements.observe('default/one', unplaced)
    expect(placements.usageOf('host-1')).toEqual(none)
  })

  test.each([
    ['is over', finished],
    ['is gone', undefined],
  ])('a run that %s counts no more', (_how, after) => {
    const placements = new Placements()
    placements.observe('default/one', placed)
    placements.observe('default/one', after)
    expect(placements.usageOf('host-1')).toEqual(none)
  })

  test('another run of the same name is not the one that was assumed', () => {
    const placements = new Placements()
    placements.assume(unplaced, 'host-1')
    placements.observe(
      'default/one',
      aVirtualMachineInstance({ metadata: { name: 'one', uid: uidOf('new') } }),
    )
    expect(placements.usageOf('host-1')).toEqual(none)
  })

  test('an assumption that was wrong is taken back, a fact is not', () => {
    const placements = new Placements()
    placements.assume(unplaced, 'host-1')
    placements.forget(unplaced)
    expect(placements.usageOf('host-1')).toEqual(none)
    placements.observe('default/one', placed)
    placements.forget(placed)
    expect(placements.usageOf('host-1')).toEqual(one)
  })
})
