import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../apimachinery/client/informer.ts'
import { keyOf } from '../apimachinery/client/client.ts'
import { getCondition } from '../apimachinery/conditions.ts'
import type { KubeObject, Stored } from '../crds/meta/object-meta.ts'
import type { Disk } from '../crds/v1alpha1/disk.ts'
import { type Host, HostReady } from '../crds/v1alpha1/host.ts'
import type { Image } from '../crds/v1alpha1/image.ts'
import type { Network } from '../crds/v1alpha1/network.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'
import type { VirtualMachine } from '../crds/v1alpha1/virtual-machine.ts'
import { carriedBy, heldBy } from './addresses/held-addresses.ts'
import type { Caches } from './caches.ts'
import { instanceIndexes, isIn, machineIndexes } from './indexes.ts'
import { isFinished } from './instances.ts'

/*
 * Whom a change of another object concerns: keys of the objects to look at again. An index finds them, so that nobody
 * polls and nobody is woken in vain more often than need be.
 */

type Keys = Iterable<string>
type Wake<T extends KubeObject> = (caches: Caches, change: Change<T>) => Keys

/** The object came into being or went; how it looks does not matter. */
function isAboutExistence(change: Change<KubeObject>): boolean {
  return change.before?.metadata.uid !== change.after?.metadata.uid
}

function keysOf(objects: readonly Stored<KubeObject>[]): string[] {
  return objects.map(({ metadata }) => keyOf(metadata))
}

/** What `values` says of the object, as it was and as it is. */
function eitherSide<T extends KubeObject>(
  { before, after }: Change<T>,
  values: (object: Stored<T>) => readonly string[],
): Set<string> {
  return new Set([before, after].flatMap((object) => (object === undefined ? [] : values(object))))
}

/** True unless both are there and `view` says the same of them. */
function differs<T extends KubeObject>(
  { before, after }: Change<T>,
  view: (object: Stored<T>) => unknown,
): boolean {
  return before === undefined || after === undefined || !isDeepStrictEqual(view(before), view(after))
}

/* Machines. */

/** The run has its machine's name, whoever made it; machines that share a disk with it wait for its end. */
export const machinesOfInstance: Wake<VirtualMachineInstance> = (caches, change) => [
  change.key,
  ...[...eitherSide(change, instanceIndexes.disk)].flatMap((disk) =>
    keysOf(caches.machines.byIndex('disk', disk)),
  ),
]

/** How far an import is, a machine does not care. */
export const machinesOfImage: Wake<Image> = (caches, change) =>
  differs(change, ({ metadata, status }) => [status?.phase, metadata.deletionTimestamp])
    ? keysOf(caches.machines.byIndex('image', change.key))
    : []

export const machinesOfDisk: Wake<Disk> = (caches, { key }) => keysOf(caches.machines.byIndex('disk', key))

/** What hosts say of a network is nothing to a machine. */
export const machinesOfNetwork: Wake<Network> = (caches, change) =>
  differs(change, ({ spec }) => spec) ? keysOf(caches.machines.byIndex('network', change.key)) : []

/** Runs have their machines' names. */
export const machinesOnHost: Wake<Host> = (caches, change) =>
  isAboutExistence(change) || differs(change, (host) => getCondition(host, HostReady)?.status)
    ? keysOf(caches.instances.byIndex('host', change.key))
    : []

/** Machines that wait for an address which another machine has let go of. */
export const machinesWaitingForAddress: Wake<VirtualMachine> = (caches, { before, after }) => {
  if (before === undefined) return []
  return waitingFor(caches, freed(heldBy(before), after === undefined ? [] : heldBy(after)), [
    ...machineIndexes.network(before),
  ])
}

/** The same, when a run lets go of what its machine has no longer. */
export const machinesWaitingForRunsAddress: Wake<VirtualMachineInstance> = (caches, { before, after }) => {
  if (before === undefined || after !== undefined) return []
  return waitingFor(caches, freed(carriedBy(before), []), instanceIndexes.network(before))
}

function freed(before: readonly { entry: string }[], after: readonly { entry: string }[]): string[] {
  const kept = new Set(after.map(({ entry }) => entry))
  return before.map(({ entry }) => entry).filter((entry) => !kept.has(entry))
}

function waitingFor(caches: Caches, entries: readonly string[], networks: readonly string[]): string[] {
  if (entries.length === 0) return []
  const lacksAddress = (vm: Stored<VirtualMachine>) =>
    vm.status?.interfaces?.some(({ ipAddress }) => ipAddress === undefined) ?? false
  return [
    ...entries.flatMap((entry) => keysOf(caches.machines.byIndex('namesAddress', entry))),
    ...networks.flatMap((network) =>
      keysOf(caches.machines.byIndex('network', network).filter(lacksAddress)),
    ),
  ]
}

/* The scheduler. */

function waitingInstances(caches: Caches): string[] {
  return keysOf(caches.instances.byIndex('unplaced', isIn))
}

/** What the filters and weights look at. */
function schedulingView({ metadata, spec, status }: Stored<Host>): unknown {
  return [
    metadata.labels,
    metadata.deletionTimestamp,
    spec,
    status?.allocatable,
    getCondition({ status }, HostReady)?.status,
    status?.storageDomains?.map(({ name, ready }) => [name, ready]),
    status?.networks?.map(({ name, ready }) => [name, ready]),
  ]
}

export const instancesForHost: Wake<Host> = (caches, change) => [
  ...(differs(change, schedulingView) ? waitingInstances(caches) : []),
  // Runs that are over and held by a host that is no more.
  ...(change.after === undefined ? keysOf(caches.instances.byIndex('host', change.key)) : []),
]

export const instancesForCluster: Wake<KubeObject> = (caches) => waitingInstances(caches)

/** Room was made. */
export const instancesForRoom: Wake<VirtualMachineInstance> = (caches, { before, after }) => {
  const takesRoom = (run: VirtualMachineInstance | undefined) =>
    run?.spec.hostName !== undefined && !isFinished(run)
  return takesRoom(before) && !takesRoom(after) ? waitingInstances(caches) : []
}

export const instancesForDisk: Wake<Disk> = (caches, change) =>
  differs(change, (disk) => disk.status?.hostName)
    ? keysOf(caches.instances.byIndex('disk', change.key).filter(({ spec }) => spec.hostName === undefined))
    : []

export const instancesForImage: Wake<Image> = (caches, change) =>
  differs(change, (image) => image.status?.hostName) ? waitingInstances(caches) : []

/* Disks and images. */

/** How far an import is, a disk does not care. */
export const disksOfImage: Wake<Image> = (caches, change) =>
  differs(change, ({ status }) => [status?.phase, status?.virtualSizeBytes])
    ? keysOf(caches.disks.byIndex('image', change.key))
    : []

export const disksOfDomain: Wake<KubeObject> = (caches, change) =>
  isAboutExistence(change) ? keysOf(caches.disks.byIndex('storageDomain', change.key)) : []

export const disksOfInstance: Wake<VirtualMachineInstance> = (_caches, change) =>
  differs(change, isFinished) ? eitherSide(change, instanceIndexes.disk) : []

export const disksOnHost: Wake<Host> = (caches, change) =>
  isAboutExistence(change) ? keysOf(caches.disks.byIndex('host', change.key)) : []

export const imagesOfDomain: Wake<KubeObject> = (caches, change) =>
  isAboutExistence(change) ? keysOf(caches.images.byIndex('storageDomain', change.key)) : []

export const imagesForHost: Wake<Host> = (caches, change) => [
  ...(isAboutExistence(change) ? keysOf(caches.images.byIndex('host', change.key)) : []),
  ...keysOf(caches.images.byIndex('unplaced', isIn)),
]

/* What is summed up. */

export const clustersOfHost: Wake<Host> = (_caches, change) =>
  eitherSide(change, (host) => [host.spec.hostCluster.name])

export const clustersOfInstance: Wake<VirtualMachineInstance> = (caches, change) =>
  differs(change, (run) => [run.spec.hostName, isFinished(run)])
    ? [...eitherSide(change, instanceIndexes.host)].flatMap(
        (name) => caches.hosts.get(name)?.spec.hostCluster.name ?? [],
      )
    : []

/** Of everything that a host attaches, or did: its readiness counts for all of it. */
export const domainsOfHost: Wake<Host> = (_caches, change) =>
  eitherSide(change, (host) => host.status?.storageDomains?.map(({ name }) => name) ?? [])

export const networksOfHost: Wake<Host> = (_caches, change) =>
  eitherSide(change, (host) => host.status?.networks?.map(({ name }) => name) ?? [])

export const domainsOfDisk: Wake<Disk> = (_caches, change) =>
  differs(change, ({ spec, status }) => [spec.size, status?.capacityBytes])
    ? eitherSide(change, (disk) => [disk.spec.storageDomain.name])
    : []

export const domainsOfImage: Wake<Image> = (_caches, change) =>
  isAboutExistence(change) ? eitherSide(change, (image) => [image.spec.storageDomain.name]) : []

export const domainsOfMachine: Wake<VirtualMachine> = (_caches, change) =>
  differs(change, machineIndexes.storageDomain) ? eitherSide(change, machineIndexes.storageDomain) : []

export const networksOfMachine: Wake<VirtualMachine> = (_caches, change) =>
  differs(change, machineIndexes.network) ? eitherSide(change, machineIndexes.network) : []

export const networksOfInstance: Wake<VirtualMachineInstance> = (_caches, change) =>
  isAboutExistence(change) ? eitherSide(change, instanceIndexes.network) : []
