import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { HostCluster } from '../../crds/v1alpha1/host-cluster.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { keyBeside } from '../beside.ts'
import { demandOf, diskNamesOf, type Instance } from '../instances.ts'
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
  const nearImages = new Set<string>()
  const storageDomains = new Set<string>()
  for (const name of diskNamesOf(instance)) {
    const disk = deps.getDisk(keyBeside(instance, name))
    if (disk === undefined) return `Disk ${name} does not exist`
    storageDomains.add(disk.spec.storageDomain.name)
    if (disk.status?.hostName !== undefined) diskHosts.add(disk.status.hostName)
    else noteImage(imageOf(deps, disk), { imageHosts, nearImages })
  }
  for (const { image } of spec.disks) {
    if (image === undefined) continue
    const medium = deps.getImage(keyBeside(instance, image.name))
    // A drive shows the image itself, which only its own host has.
    if (medium?.status?.hostName !== undefined) diskHosts.add(medium.status.hostName)
  }
  return {
    demand: demandOf(instance),
    cluster,
    hostSelector: spec.hostSelector ?? {},
    diskHosts,
    imageHosts,
    nearImages,
    storageDomains,
    networks: new Set(spec.interfaces.map(({ network }) => network.name)),
  }
}

/** The image that a disk is yet to be made from, where it matters: shared storage has it everywhere. */
function imageOf(deps: PlacementRequestDeps, disk: Stored<Disk>): Stored<Image> | undefined {
  const { source, storageDomain } = disk.spec
  if (source?.image === undefined || deps.getStorageDomain(storageDomain.name)?.spec.type !== 'local')
    return undefined
  return deps.getImage(keyBeside(disk, source.image.name))
}

function noteImage(
  image: Stored<Image> | undefined,
  { imageHosts, nearImages }: { readonly imageHosts: Set<string>; readonly nearImages: Set<string> },
): void {
  const hostName = image?.status?.hostName
  if (image === undefined || hostName === undefined) return
  nearImages.add(hostName)
  // Any host fetches from a URL; a file is where it is.
  if (image.spec.source.file !== undefined) imageHosts.add(hostName)
}
