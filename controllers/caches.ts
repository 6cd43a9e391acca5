import type { ApiResource } from '../apimachinery/client/client.ts'
import {
  informer,
  type Informer,
  type InformerOptions,
  type ObjectCache,
} from '../apimachinery/client/informer.ts'
import * as resources from '../apimachinery/client/resources.ts'
import type { KubeObject } from '../crds/meta/object-meta.ts'
import type { Disk } from '../crds/v1alpha1/disk.ts'
import type { HostCluster } from '../crds/v1alpha1/host-cluster.ts'
import { type Host, hostLeaseNamespace } from '../crds/v1alpha1/host.ts'
import type { Image } from '../crds/v1alpha1/image.ts'
import type { Network } from '../crds/v1alpha1/network.ts'
import type { StorageDomain } from '../crds/v1alpha1/storage-domain.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'
import type { VirtualMachine } from '../crds/v1alpha1/virtual-machine.ts'
import * as indexes from './indexes.ts'

interface Kinds {
  readonly hostClusters: HostCluster
  readonly hosts: Host
  readonly storageDomains: StorageDomain
  readonly networks: Network
  readonly images: Image
  readonly disks: Disk
  readonly machines: VirtualMachine
  readonly instances: VirtualMachineInstance
  readonly leases: resources.Lease
}

/** What the controllers see of the world, indexed as `indexes.ts` says. */
export type Caches = { readonly [K in keyof Kinds]: ObjectCache<Kinds[K]> }

/** The same, followed: one informer per kind, shared by all controllers. */
export type Informers = { readonly [K in keyof Kinds]: Informer<Kinds[K]> }

/** Makes the informers; they are the manager's to start. */
export function openInformers(
  shared: Pick<InformerOptions<KubeObject>, 'client' | 'clock' | 'log'>,
): Informers {
  const follow = <T extends KubeObject>(
    resource: ApiResource<T>,
    options: Pick<InformerOptions<T>, 'indexes' | 'namespace'> = {},
  ) => informer({ ...shared, resource, ...options })
  return {
    hostClusters: follow(resources.hostClusters),
    hosts: follow(resources.hosts, { indexes: indexes.hostIndexes }),
    storageDomains: follow(resources.storageDomains),
    networks: follow(resources.networks),
    images: follow(resources.images, { indexes: indexes.imageIndexes }),
    disks: follow(resources.disks, { indexes: indexes.diskIndexes }),
    machines: follow(resources.virtualMachines, { indexes: indexes.machineIndexes }),
    instances: follow(resources.virtualMachineInstances, { indexes: indexes.instanceIndexes }),
    leases: follow(resources.leases, { namespace: hostLeaseNamespace }),
  }
}
