import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { HostCluster } from '../../crds/v1alpha1/host-cluster.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { keyBeside } from '../beside.ts'
import { demandOf, type Instance } from '../instances.ts'
import type { PlacementRequest } from './candidate.ts'

export interface PlacementRequestDeps {
  readonly getDisk: (key: string) => Stored<Disk> | undefined
  readonly getImage: (key: string) => Stored<Image> | undefined
  readonly getStorageDomain: (name: string) => Stored<StorageDomain> | undefined
}

/** Gathers what the run needs; a sentence about what is missing when it names a disk that is not there. */
export function placementRequestOf(
  deps: PlacementRequestDeps,
  instance: Instance,
  cluster: HostCluster,
): PlacementRequest | string {
  const { spec } = instance
  const diskHosts = new Set<string>()
  const imageHosts = new Set<string>()
  const storageDomains = new Set<string>()
  for (const { disk: reference } of spec.disks) {
    const disk = deps.getDisk(keyBeside(instance, reference.name))
    if (disk === undefined) return `Disk ${reference.name} does not exist`
    storageDomains.add(disk.spec.storageDomain.name)
    if (disk.status?.hostName !== undefined) diskHosts.add(disk.status.hostName)
    else for (const hostName of hostsOfImage(deps, disk)) imageHosts.add(hostName)
  }
  return {
    demand: demandOf(instance),
    cluster,
    hostSelector: spec.hostSelector ?? {},
    diskHosts,
    imageHosts,
    storageDomains,
    networks: new Set(spec.interfaces.map(({ network }) => network.name)),
  }
}

/** Where the disk can be made from its image: anywhere when the storage is shared, or the image nowhere yet. */
function hostsOfImage(deps: PlacementRequestDeps, disk: Stored<Disk>): string[] {
  const { source, storageDomain } = disk.spec
  if (source?.image === undefined || deps.getStorageDomain(storageDomain.name)?.spec.type !== 'local')
    return []
  const hostName = deps.getImage(keyBeside(disk, source.image.name))?.status?.hostName
  return hostName === undefined ? [] : [hostName]
}
