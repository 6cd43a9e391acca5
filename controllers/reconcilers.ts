import type { ApiCalls } from './api-calls.ts'
import type { Caches } from './caches.ts'
import { DiskReconciler } from './disk/reconciler.ts'
import { HostClusterReconciler } from './host-cluster/reconciler.ts'
import { HostReconciler } from './host/reconciler.ts'
import { ImageReconciler } from './image/reconciler.ts'
import { NetworkReconciler } from './network/reconciler.ts'
import { SchedulerReconciler } from './scheduler/reconciler.ts'
import type { SharedState } from './shared-state.ts'
import { StorageDomainReconciler } from './storage-domain/reconciler.ts'
import { VirtualMachineReconciler } from './virtual-machine/reconciler.ts'
import { hostLeaseNamespace } from '../crds/v1alpha1/host.ts'

export interface Reconcilers {
  readonly machine: VirtualMachineReconciler
  readonly scheduler: SchedulerReconciler
  readonly disk: DiskReconciler
  readonly image: ImageReconciler
  readonly host: HostReconciler
  readonly hostCluster: HostClusterReconciler
  readonly storageDomain: StorageDomainReconciler
  readonly network: NetworkReconciler
}

/** Gives every reconciler the plain functions that its steps ask for. */
export function reconcilers(caches: Caches, calls: ApiCalls, state: SharedState): Reconcilers {
  const looks = lookups(caches)
  return {
    machine: new VirtualMachineReconciler({ ...looks, ...calls, ...state }),
    scheduler: new SchedulerReconciler({ ...looks, ...calls, ...state }),
    disk: new DiskReconciler(looks),
    image: new ImageReconciler(looks),
    host: new HostReconciler({ ...looks, ...calls, ...state }),
    hostCluster: new HostClusterReconciler({
      ...looks,
      usageOf: (hostName) => state.placements.usageOf(hostName),
    }),
    storageDomain: new StorageDomainReconciler({ ...looks, countUsers: looks.countUsersOfDomain }),
    network: new NetworkReconciler({ ...looks, countMachines: looks.countMachinesOn }),
  }
}

/** Questions to the caches, in the words of those who ask. */
function lookups(caches: Caches) {
  const { disks, hostClusters, hosts, images, instances, leases, machines, networks, storageDomains } = caches
  return {
    getDisk: (key: string) => disks.get(key),
    getHost: (name: string) => hosts.get(name),
    getHostCluster: (name: string) => hostClusters.get(name),
    getImage: (key: string) => images.get(key),
    getInstance: (key: string) => instances.get(key),
    getLease: (hostName: string) => leases.get(`${hostLeaseNamespace}/${hostName}`),
    getNetwork: (name: string) => networks.get(name),
    getStorageDomain: (name: string) => storageDomains.get(name),
    listHosts: () => hosts.list(),
    hostsOf: (cluster: string) => hosts.byIndex('cluster', cluster),
    instancesUsing: (diskKey: string) => instances.byIndex('disk', diskKey),
    disksControlledBy: (uid: string) => disks.byIndex('owner', uid),
    disksIn: (domain: string) => disks.byIndex('storageDomain', domain),
    countUsersOfDomain: (domain: string) => ({
      disk: disks.byIndex('storageDomain', domain).length,
      image: images.byIndex('storageDomain', domain).length,
      machine: machines.byIndex('storageDomain', domain).length,
    }),
    countMachinesOn: (network: string) => {
      const running = instances.byIndex('network', network).map(({ spec }) => spec.virtualMachine.uid)
      const meant = machines.byIndex('network', network).map(({ metadata }) => metadata.uid)
      return new Set([...running, ...meant]).size
    },
  }
}
