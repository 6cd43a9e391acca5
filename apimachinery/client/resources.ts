import type { KubeObject } from '../../crds/meta/object-meta.ts'
import { type Disk, diskKind } from '../../crds/v1alpha1/disk.ts'
import { type HostCluster, hostClusterKind } from '../../crds/v1alpha1/host-cluster.ts'
import { type Host, hostKind } from '../../crds/v1alpha1/host.ts'
import { type Image, imageKind } from '../../crds/v1alpha1/image.ts'
import { type Network, networkKind } from '../../crds/v1alpha1/network.ts'
import { type StorageDomain, storageDomainKind } from '../../crds/v1alpha1/storage-domain.ts'
import {
  type VirtualMachineInstance,
  virtualMachineInstanceKind,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { type VirtualMachine, virtualMachineKind } from '../../crds/v1alpha1/virtual-machine.ts'
import { type ApiResource, resourceOf } from './client.ts'

/** Kvorum's own resources. */
export const hostClusters = resourceOf<HostCluster>(hostClusterKind)
export const hosts = resourceOf<Host>(hostKind)
export const storageDomains = resourceOf<StorageDomain>(storageDomainKind)
export const networks = resourceOf<Network>(networkKind)
export const images = resourceOf<Image>(imageKind)
export const disks = resourceOf<Disk>(diskKind)
export const virtualMachines = resourceOf<VirtualMachine>(virtualMachineKind)
export const virtualMachineInstances = resourceOf<VirtualMachineInstance>(virtualMachineInstanceKind)

/** `coordination.k8s.io/v1` Lease. */
export interface Lease extends KubeObject {
  spec: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export const leases: ApiResource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}

/** `events.k8s.io/v1` Event. */
export interface KubeEvent extends KubeObject {
  eventTime: string
  reportingController: string
  reportingInstance: string
  action: string
  reason: string
  regarding: {
    apiVersion: string
    kind: string
    name: string
    namespace?: string
    uid?: string
    resourceVersion?: string
  }
  note: string
  type: 'Normal' | 'Warning'
  series?: { count: number; lastObservedTime: string }
}

export const events: ApiResource<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}

export const namespaces: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
