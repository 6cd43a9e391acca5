import type { Stored } from '../crds/meta/object-meta.ts'
import type { Disk } from '../crds/v1alpha1/disk.ts'
import type { Host } from '../crds/v1alpha1/host.ts'
import type { Image } from '../crds/v1alpha1/image.ts'
import type { VirtualMachine } from '../crds/v1alpha1/virtual-machine.ts'
import { carriedBy, heldBy, namedBy } from './addresses/held-addresses.ts'
import { keyBeside } from './beside.ts'
import { isBeingDeleted } from './finalizers.ts'
import { diskNamesOf, type Instance } from './instances.ts'
import { controllerUid } from './ownership.ts'
import { isUnplaced } from './placements.ts'
import { diskNameOf, disksOf } from './virtual-machine/machine.ts'

/*
 * How caches find objects by what they name. Values are keys of the objects named (`namespace/name`, or `name` of a
 * cluster-scoped one) unless a line says otherwise.
 */

/** The one value of the indexes that are sets. */
export const isIn = 'yes'

export const machineIndexes = {
  disk: (vm: Stored<VirtualMachine>) => disksOf(vm).map((disk) => keyBeside(vm, diskNameOf(vm, disk))),
  /** Media of CD-ROM drives. */
  image: (vm: Stored<VirtualMachine>) =>
    distinct(vm.spec.disks.flatMap(({ image }) => (image === undefined ? [] : keyBeside(vm, image.name)))),
  network: (vm: Stored<VirtualMachine>) => distinct(vm.spec.interfaces.map(({ network }) => network.name)),
  /** Of inline disks. */
  storageDomain: (vm: Stored<VirtualMachine>) =>
    distinct(vm.spec.disks.flatMap(({ template }) => template?.storageDomain.name ?? [])),
  /** Entries of the address book. */
  holdsAddress: (vm: Stored<VirtualMachine>) => heldBy(vm).map(({ entry }) => entry),
  namesAddress: (vm: Stored<VirtualMachine>) => namedBy(vm).map(({ entry }) => entry),
}

export const instanceIndexes = {
  disk: (instance: Instance) => diskNamesOf(instance).map((name) => keyBeside(instance, name)),
  network: (instance: Instance) => distinct(instance.spec.interfaces.map(({ network }) => network.name)),
  host: (instance: Instance) => present(instance.spec.hostName),
  /** A set: runs that wait for a host. */
  unplaced: (instance: Instance) => (isUnplaced(instance) && !isBeingDeleted(instance) ? [isIn] : []),
  /** Entries of the address book. */
  holdsAddress: (instance: Instance) => carriedBy(instance).map(({ entry }) => entry),
}

export const diskIndexes = {
  /** uid. */
  owner: (disk: Stored<Disk>) => present(controllerUid(disk)),
  image: (disk: Stored<Disk>) => {
    const name = disk.spec.source?.image?.name
    return name === undefined ? [] : [keyBeside(disk, name)]
  },
  storageDomain: (disk: Stored<Disk>) => [disk.spec.storageDomain.name],
  host: (disk: Stored<Disk>) => present(disk.status?.hostName),
}

export const imageIndexes = {
  storageDomain: (image: Stored<Image>) => [image.spec.storageDomain.name],
  host: (image: Stored<Image>) => present(image.status?.hostName),
  /** A set: images that wait for a host. */
  unplaced: (image: Stored<Image>) => (image.status?.hostName === undefined ? [isIn] : []),
}

export const hostIndexes = {
  cluster: (host: Stored<Host>) => [host.spec.hostCluster.name],
}

function present(value: string | undefined): string[] {
  return value === undefined ? [] : [value]
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}
