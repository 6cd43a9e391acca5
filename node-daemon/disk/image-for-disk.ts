import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import { imageImportOf, imageKey } from '../image/image-import.ts'
import type { SourceOf } from '../image/image-source.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import type { ImageImport, VolumeKey } from '../storage/storage-driver.ts'

/** What a disk that is yet to be made starts from. */
export type ImageForDisk =
  | { readonly type: 'none' }
  /** The image is in the disk's own domain on this host. */
  | { readonly type: 'here'; readonly key: VolumeKey }
  /** It is somewhere else and is fetched here too, from its source. */
  | { readonly type: 'import'; readonly key: VolumeKey; readonly source: ImageImport }
  | {
      readonly type: 'wait'
      readonly reason: 'ImageNotFound' | 'ImageNotReady' | 'ImageFailed'
      readonly message: string
    }

export interface ImageForDiskDeps {
  readonly hostName: string
  readonly images: FreshObjects<Image>
  readonly sourceOf: SourceOf
}

export async function imageForDisk(
  disk: Stored<Disk>,
  deps: ImageForDiskDeps,
  signal: AbortSignal,
): Promise<ImageForDisk> {
  const name = disk.spec.source?.image?.name
  if (name === undefined) return { type: 'none' }
  const { namespace } = disk.metadata
  const place = { name, ...(namespace !== undefined && { namespace }) }
  const image = deps.images.get(keyOf(place)) ?? (await deps.images.getLive(place, signal))
  if (image === undefined)
    return { type: 'wait', reason: 'ImageNotFound', message: `Image ${name} does not exist` }
  return judge(name, image, disk, deps)
}

function judge(
  name: string,
  image: Stored<Image>,
  disk: Stored<Disk>,
  { hostName, sourceOf }: ImageForDiskDeps,
): ImageForDisk {
  const { phase, hostName: importer, digest } = image.status ?? {}
  if (image.metadata.deletionTimestamp !== undefined)
    return { type: 'wait', reason: 'ImageNotFound', message: `Image ${name} is being deleted` }
  if (phase === 'Failed')
    return { type: 'wait', reason: 'ImageFailed', message: `Image ${name} could not be imported` }
  if (phase !== 'Ready')
    return { type: 'wait', reason: 'ImageNotReady', message: `Image ${name} is not imported yet` }
  const key = imageKey(image)
  const here = importer === hostName && image.spec.storageDomain.name === disk.spec.storageDomain.name
  if (here) return { type: 'here', key }
  // Every copy is of the same bytes, whatever the source has to offer by now.
  const source = { ...imageImportOf(image, sourceOf), checksum: digest ?? image.spec.checksum }
  return { type: 'import', key, source }
}
