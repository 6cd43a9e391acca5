import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { ImageImport, VolumeKey } from '../storage/storage-driver.ts'
import type { SourceOf } from './image-source.ts'

/** An Image as a storage driver imports it. */
export function imageImportOf(
  image: Stored<Image>,
  sourceOf: SourceOf,
  onProgress: (percent: number) => void = () => {},
): ImageImport {
  const { checksum, format, compression } = image.spec
  return { format, checksum, compression, open: sourceOf(image), onProgress }
}

export function imageKey(image: Stored<Image>): VolumeKey {
  return { kind: 'image', uid: image.metadata.uid }
}
