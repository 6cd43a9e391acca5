import { virtualMachines } from '../apimachinery/client/resources.ts'
import type { Change, Informer } from '../apimachinery/client/informer.ts'
import type { KubeObject } from '../crds/meta/object-meta.ts'
import type { Lease } from '../apimachinery/client/resources.ts'
import type { Caches, Informers } from './caches.ts'
import type { LeaseObservations } from './host/lease-observations.ts'
import type { Reconcilers } from './reconcilers.ts'
import {
  type ControllerRuntime,
  type ControllerSpec,
  type RunningController,
  startController,
  watchMapped,
  watchOwned,
} from './runtime/controller.ts'
import type { SharedState } from './shared-state.ts'
import * as wake from './wake-ups.ts'

type Starter = (runtime: ControllerRuntime) => RunningController

/** Every controller: whose objects it drives, and what else is a reason to look at one of them. */
export function controllerList(
  informers: Informers,
  reconcilers: Reconcilers,
  state: SharedState,
): Starter[] {
  const { disks, hostClusters, hosts, images, instances, leases, machines, networks, storageDomains } =
    informers
  const on = watcher(informers)
  return [
    controller({
      reconciler: reconcilers.storageDomain,
      informer: storageDomains,
      watches: [
        on(hosts, wake.domainsOfHost),
        on(disks, wake.domainsOfDisk),
        on(images, wake.domainsOfImage),
        on(machines, wake.domainsOfMachine),
      ],
    }),
    controller({
      reconciler: reconcilers.network,
      informer: networks,
      watches: [
        on(hosts, wake.networksOfHost),
        on(machines, wake.networksOfMachine),
        on(instances, wake.networksOfInstance),
      ],
    }),
    controller({
      reconciler: reconcilers.hostCluster,
      informer: hostClusters,
      watches: [on(hosts, wake.clustersOfHost), on(instances, wake.clustersOfInstance)],
    }),
    controller({
      reconciler: reconcilers.host,
      informer: hosts,
      watches: [watchMapped(leases, hostsHeardAgain(state.leases))],
    }),
    controller({
      reconciler: reconcilers.image,
      informer: images,
      watches: [on(storageDomains, wake.imagesOfDomain), on(hosts, wake.imagesForHost)],
    }),
    ...machineControllers(informers, reconcilers),
  ]
}

// Passes wait for the API server most of their time, and machines are applied by the dozen.
const manyAtOnce = 16

/** What a machine is made of: its disks, its placement, itself. */
function machineControllers(informers: Informers, reconcilers: Reconcilers): Starter[] {
  const { disks, hostClusters, hosts, images, instances, machines, networks, storageDomains } = informers
  const on = watcher(informers)
  return [
    controller({
      reconciler: reconcilers.disk,
      informer: disks,
      concurrency: manyAtOnce,
      watches: [
        on(images, wake.disksOfImage),
        on(storageDomains, wake.disksOfDomain),
        on(instances, wake.disksOfInstance),
        on(hosts, wake.disksOnHost),
      ],
    }),
    controller({
      reconciler: reconcilers.scheduler,
      informer: instances,
      // It alone knows what it has just placed.
      concurrency: 1,
      watches: [
        on(hosts, wake.instancesForHost),
        on(hostClusters, wake.instancesForCluster),
        on(instances, wake.instancesForRoom),
        on(disks, wake.instancesForDisk),
        on(images, wake.instancesForImage),
      ],
    }),
    controller({
      reconciler: reconcilers.machine,
      informer: machines,
      concurrency: manyAtOnce,
      watches: [
        on(instances, wake.machinesOfInstance),
        on(instances, wake.machinesWaitingForRunsAddress),
        on(disks, wake.machinesOfDisk),
        on(images, wake.machinesOfImage),
        // Disks that left the spec, too, hold up the deletion of their machine.
        watchOwned(disks, virtualMachines),
        on(networks, wake.machinesOfNetwork),
        on(hosts, wake.machinesOnHost),
        on(machines, wake.machinesWaitingForAddress),
      ],
    }),
  ]
}

function controller<T extends KubeObject>(spec: ControllerSpec<T>): Starter {
  return (runtime) => startController(spec, runtime)
}

function watcher(caches: Caches) {
  return <T extends KubeObject>(
    informer: Informer<T>,
    map: (caches: Caches, change: Change<T>) => Iterable<string>,
  ) => watchMapped(informer, (change) => map(caches, change))
}

/**
 * Notes every renewal at the moment in which it is seen. Renewals come every second from every host: only a host that
 * had fallen silent needs a look for it.
 */
function hostsHeardAgain(leases: LeaseObservations) {
  return ({ before, after }: Change<Lease>): string[] => {
    const name = (after ?? before)?.metadata.name
    if (name === undefined) return []
    const wasSilent = leases.remainingMs(name) === 0
    return leases.observe(name, after) && wasSilent ? [name] : []
  }
}
