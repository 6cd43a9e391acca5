import { getCondition } from '../../apimachinery/conditions.ts'
import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, DiskReady } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { NetworkLookup, StorageLookup } from '../attachment/attachments.ts'
import { imageKey } from '../image/image-import.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import type { DiskNeed, NetworkNeed } from './situation.ts'

export interface ResourceNeedsDeps {
  readonly hostName: string
  readonly disks: FreshObjects<Disk>
  readonly images: FreshObjects<Image>
  readonly storage: StorageLookup
  readonly networks: NetworkLookup
}

type Run = Stored<VirtualMachineInstance>

/** The Disks of a run as keys. */
export function diskKeysOf({ metadata, spec }: Run): string[] {
  return spec.disks.flatMap(({ disk }) => (disk === undefined ? [] : diskKey(metadata.namespace, disk.name)))
}

function diskKey(namespace: string | undefined, name: string): string {
  return keyOf({ name, ...(namespace !== undefined && { namespace }) })
}

/** How the disks of a run stand on this host. Disks that no host has yet are read from the server. */
export function diskNeeds(run: Run, deps: ResourceNeedsDeps, signal: AbortSignal): Promise<DiskNeed[]> {
  const { namespace } = run.metadata
  return Promise.all(
    run.spec.disks.map(async ({ name, disk: reference, image }): Promise<DiskNeed> => {
      if (reference === undefined) return mediumNeed({ name, image: image?.name, namespace }, deps, signal)
      const diskName = reference.name
      const disk =
        deps.disks.get(diskKey(namespace, diskName)) ??
        (await deps.disks.getLive({ name: diskName, ...(namespace !== undefined && { namespace }) }, signal))
      if (disk === undefined)
        return { state: 'waiting', name, message: `Disk ${diskName} does not exist` } as const
      return diskNeed(name, disk, deps)
    }),
  )
}

interface Drive {
  readonly name: string
  readonly image: string | undefined
  readonly namespace: string | undefined
}

/** What is in a CD-ROM drive: the image itself, which the guest can only read. */
async function mediumNeed(
  { name, image: imageName, namespace }: Drive,
  { hostName, images, storage }: Pick<ResourceNeedsDeps, 'hostName' | 'images' | 'storage'>,
  signal: AbortSignal,
): Promise<DiskNeed> {
  if (imageName === undefined) return { state: 'empty', name }
  const place = { name: imageName, ...(namespace !== undefined && { namespace }) }
  const image = images.get(keyOf(place)) ?? (await images.getLive(place, signal))
  const lacks = image === undefined ? 'does not exist' : mediumLacks(image, hostName)
  const volume =
    image === undefined || lacks !== undefined
      ? undefined
      : await storage.driver(image.spec.storageDomain.name)?.statVolume(imageKey(image), signal)
  if (volume !== undefined) return { state: 'ready', name, path: volume.path, format: volume.format }
  return { state: 'waiting', name, message: `Image ${imageName} ${lacks ?? 'cannot be read on this host'}` }
}

function mediumLacks({ metadata, status }: Stored<Image>, hostName: string): string | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'is being deleted'
  if (status?.phase === 'Failed') return 'could not be imported'
  if (status?.phase !== 'Ready') return 'is not imported yet'
  if (status.hostName === hostName) return undefined
  return `is kept on host ${status.hostName ?? 'unknown'}, this is ${hostName}`
}

function diskNeed(name: string, disk: Stored<Disk>, deps: ResourceNeedsDeps): DiskNeed {
  const { status, spec, metadata } = disk
  const waiting = (message: string) => ({ state: 'waiting', name, message }) as const
  if (metadata.deletionTimestamp !== undefined) return waiting(`Disk ${metadata.name} is being deleted`)
  const domain = deps.storage.get(spec.storageDomain.name)
  if (domain?.ready !== true)
    return waiting(
      `Storage domain ${spec.storageDomain.name} of disk ${metadata.name} cannot be used on this host`,
    )
  if (status?.hostName === undefined) return { state: 'claimable', name, disk }
  if (status.hostName !== deps.hostName)
    return waiting(`Disk ${metadata.name} is kept on host ${status.hostName}, this is ${deps.hostName}`)
  if (status.phase === 'Ready' && status.path !== undefined)
    return { state: 'ready', name, path: status.path, format: spec.format }
  const why = getCondition(disk, DiskReady)?.message ?? 'it was not made yet'
  return waiting(`Disk ${metadata.name} is not ready: ${why}`)
}

/** How the networks of a run stand on this host. */
export function networkNeeds(run: Run, networks: NetworkLookup): NetworkNeed[] {
  return run.spec.interfaces.map(({ name, network }) => {
    const attachment = networks.get(network.name)
    if (attachment?.ready === true && attachment.bridge !== undefined) {
      const { bridge, mtu } = attachment
      return { state: 'ready', name, bridge, ...(mtu !== undefined && { mtu }) }
    }
    const why = attachment === undefined ? 'does not exist' : 'is not up on this host'
    const detail = attachment?.message === undefined ? '' : `: ${attachment.message}`
    return { state: 'waiting', name, message: `Network ${network.name} ${why}${detail}` }
  })
}
