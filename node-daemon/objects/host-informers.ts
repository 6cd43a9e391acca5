import type { Client } from '../../apimachinery/client/client.ts'
import { informer, type Informer } from '../../apimachinery/client/informer.ts'
import {
  disks,
  hosts,
  images,
  networks,
  storageDomains,
  virtualMachineInstances,
} from '../../apimachinery/client/resources.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { Network } from '../../crds/v1alpha1/network.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { diskKeysOf } from '../machine/resource-needs.ts'

/** What a host watches: its own objects by field selectors, and the few that concern every host. */
export interface HostInformers {
  readonly host: Informer<Host>
  /** Indexes: `uuid` of the machine, `disk` by `namespace/name`, `network` by name. */
  readonly runs: Informer<VirtualMachineInstance>
  readonly disks: Informer<Disk>
  readonly images: Informer<Image>
  readonly storageDomains: Informer<StorageDomain>
  readonly networks: Informer<Network>
  readonly all: readonly Informer<KubeObject>[]
}

export function hostInformers(
  hostName: string,
  base: { readonly client: Client; readonly clock: Clock; readonly log: Logger },
): HostInformers {
  const { client, clock, log } = base
  const shared = { client, clock, log }
  const host = informer<Host>({ ...shared, resource: hosts, fieldSelector: `metadata.name=${hostName}` })
  const runs = informer<VirtualMachineInstance>({
    ...shared,
    resource: virtualMachineInstances,
    fieldSelector: `spec.hostName=${hostName}`,
    indexes: {
      uuid: ({ spec }) => [spec.uuid],
      disk: diskKeysOf,
      network: ({ spec }) => spec.interfaces.map(({ network }) => network.name),
    },
  })
  const mine = `status.hostName=${hostName}`
  const ownDisks = informer<Disk>({ ...shared, resource: disks, fieldSelector: mine })
  const ownImages = informer<Image>({ ...shared, resource: images, fieldSelector: mine })
  const domains = informer<StorageDomain>({ ...shared, resource: storageDomains })
  const allNetworks = informer<Network>({ ...shared, resource: networks })
  return {
    host,
    runs,
    disks: ownDisks,
    images: ownImages,
    storageDomains: domains,
    networks: allNetworks,
    all: [host, runs, ownDisks, ownImages, domains, allNetworks] as unknown as Informer<KubeObject>[],
  }
}
