import { describe, expect, test } from 'vitest'
import { keyOf } from '../../../apimachinery/client/client.ts'
import { IndexedObjects } from '../../../apimachinery/client/indexed-objects.ts'
import type { Change } from '../../../apimachinery/client/informer.ts'
import type { Caches } from '../../../controllers/caches.ts'
import * as indexes from '../../../controllers/indexes.ts'
import * as wake from '../../../controllers/wake-ups.ts'
import type { KubeObject, Stored } from '../../../crds/meta/object-meta.ts'
import {
  aDisk,
  aHost,
  anImage,
  aNetwork,
  aVirtualMachine,
  aVirtualMachineInstance,
} from '../../support/builders.ts'

const disk = (name: string) => [{ name: 'root', bus: 'virtio' as const, disk: { name } }]
const eth0 = { name: 'eth0', network: { name: 'default' }, model: 'virtio' as const }
const web = aVirtualMachine({ metadata: { name: 'web' }, spec: { disks: disk('data'), interfaces: [eth0] } })
const other = aVirtualMachine({ metadata: { name: 'other' }, spec: { disks: disk('data') } })
const waiting = aVirtualMachineInstance({ metadata: { name: 'waiting' }, spec: { disks: disk('fresh') } })
const placed = aVirtualMachineInstance({
  metadata: { name: 'web' },
  spec: {
    hostName: 'host-1',
    disks: disk('data'),
    interfaces: [{ ...eth0, macAddress: '52:54:00:00:00:01' }],
  },
})
const over = aVirtualMachineInstance({ ...placed, status: { phase: 'Failed' } })
const fresh = aDisk({ metadata: { name: 'fresh' }, spec: { source: { image: { name: 'image-1' } } } })

function cacheOf<T extends KubeObject>(
  functions: Readonly<Record<string, (object: Stored<T>) => readonly string[]>>,
  ...objects: Stored<T>[]
): IndexedObjects<T> {
  const cache = new IndexedObjects<T>(functions, (_index, error) => {
    throw error
  })
  for (const object of objects) cache.put(keyOf(object.metadata), object)
  return cache
}

const caches: Caches = {
  hostClusters: cacheOf({}),
  hosts: cacheOf(indexes.hostIndexes, aHost()),
  storageDomains: cacheOf({}),
  networks: cacheOf({}),
  images: cacheOf(indexes.imageIndexes, anImage()),
  disks: cacheOf(
    indexes.diskIndexes,
    fresh,
    aDisk({ metadata: { name: 'data' }, status: { hostName: 'host-1' } }),
  ),
  machines: cacheOf(indexes.machineIndexes, web, other),
  instances: cacheOf(indexes.instanceIndexes, waiting, placed),
  leases: cacheOf({}),
}

function change<T extends KubeObject>(
  before: Stored<T> | undefined,
  after: Stored<T> | undefined,
): Change<T> {
  const { metadata } = after ?? before ?? { metadata: { name: '' } }
  return { key: keyOf(metadata), before, after }
}

const renamed = aHost({ metadata: { labels: { rack: 'b' } } })
const measured = aHost({ status: { storageDomains: [{ name: 'default', ready: true, availableBytes: 1 }] } })
const measuredAgain = aHost({
  status: { storageDomains: [{ name: 'default', ready: true, availableBytes: 2 }] },
})
const silent = aHost({ status: { conditions: [] } })

const rows: { name: string; woken: Iterable<string>; keys: string[] }[] = [
  {
    name: 'a run wakes its machine, and those that share a disk with it',
    woken: wake.machinesOfInstance(caches, change(placed, over)),
    keys: ['default/other', 'default/web', 'default/web'],
  },
  {
    name: 'a network that changes wakes the machines on it',
    woken: wake.machinesOfNetwork(caches, change(aNetwork(), aNetwork({ spec: { mtu: 1400 } }))),
    keys: ['default/web'],
  },
  {
    name: 'what hosts say of a network wakes no machine',
    woken: wake.machinesOfNetwork(caches, change(aNetwork(), aNetwork({ status: { hosts: [] } }))),
    keys: [],
  },
  {
    name: 'a host that falls silent wakes the machines on it',
    woken: wake.machinesOnHost(caches, change(aHost(), silent)),
    keys: ['default/web'],
  },
  {
    name: 'a host that measures its storage wakes no machine',
    woken: wake.machinesOnHost(caches, change(measured, measuredAgain)),
    keys: [],
  },
  {
    name: 'a host that changes what counts for placement wakes the runs that wait',
    woken: wake.instancesForHost(caches, change(aHost(), renamed)),
    keys: ['default/waiting'],
  },
  {
    name: 'a host that measures its storage wakes no run',
    woken: wake.instancesForHost(caches, change(measured, measuredAgain)),
    keys: [],
  },
  {
    name: 'a host that goes wakes also the runs on it',
    woken: wake.instancesForHost(caches, change(aHost(), undefined)),
    keys: ['default/waiting', 'default/web'],
  },
  {
    name: 'a run that is over wakes the runs that wait for room',
    woken: wake.instancesForRoom(caches, change(placed, over)),
    keys: ['default/waiting'],
  },
  {
    name: 'a run that only reports wakes nobody',
    woken: wake.instancesForRoom(
      caches,
      change(placed, aVirtualMachineInstance({ ...placed, status: { phase: 'Running' } })),
    ),
    keys: [],
  },
  {
    name: 'a disk that is somewhere now wakes the runs that wait with it',
    woken: wake.instancesForDisk(
      caches,
      change(fresh, aDisk({ metadata: { name: 'fresh' }, status: { hostName: 'host-1' } })),
    ),
    keys: ['default/waiting'],
  },
  {
    name: 'an image that is imported wakes its disks',
    woken: wake.disksOfImage(caches, change(anImage(), anImage({ status: { phase: 'Ready' } }))),
    keys: ['default/fresh'],
  },
  {
    name: 'the progress of an import wakes no disk',
    woken: wake.disksOfImage(
      caches,
      change(
        anImage({ status: { phase: 'Importing', progress: '1%' } }),
        anImage({ status: { phase: 'Importing', progress: '2%' } }),
      ),
    ),
    keys: [],
  },
  {
    name: 'a run that is over wakes its disks, whose deletion may wait for it',
    woken: wake.disksOfInstance(caches, change(placed, over)),
    keys: ['default/data'],
  },
  {
    name: 'a host that goes wakes its disks',
    woken: wake.disksOnHost(caches, change(aHost(), undefined)),
    keys: ['default/data'],
  },
  {
    name: 'a host wakes the images that wait for one',
    woken: wake.imagesForHost(caches, change(silent, aHost())),
    keys: ['default/image-1'],
  },
  {
    name: 'a host wakes what it attached before and attaches now',
    woken: wake.domainsOfHost(
      caches,
      change(measured, aHost({ status: { storageDomains: [{ name: 'second', ready: true }] } })),
    ),
    keys: ['default', 'second'],
  },
  {
    name: 'a host that moves wakes both clusters',
    woken: wake.clustersOfHost(caches, change(aHost(), aHost({ spec: { hostCluster: { name: 'second' } } }))),
    keys: ['default', 'second'],
  },
  {
    name: 'a run that is over wakes the cluster of its host',
    woken: wake.clustersOfInstance(caches, change(placed, over)),
    keys: ['default'],
  },
  {
    name: 'a machine that is unplugged wakes its network',
    woken: wake.networksOfMachine(caches, change(web, aVirtualMachine({ ...web, spec: { interfaces: [] } }))),
    keys: ['default'],
  },
]

describe('wake-ups', () => {
  test.each(rows)('$name', ({ woken, keys }) => {
    expect([...woken].toSorted()).toEqual(keys)
  })
})
