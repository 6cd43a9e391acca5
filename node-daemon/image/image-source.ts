import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import { type ImageImport, StorageDriverError } from '../storage/storage-driver.ts'
import type { UploadDesk } from '../transfer/upload-desk.ts'
import { fileSource } from './file-source.ts'
import { type HttpSourceOptions, httpSource } from './http-source.ts'

/** Where image bytes come from. Failures are `source-unreachable` StorageDriverErrors. */
export type OpenSource = ImageImport['open']

/** Turns an Image into the bytes that it names. */
export type SourceOf = (image: Stored<Image>) => OpenSource

export interface ImageSourcesOptions {
  /** The only directory that files are taken from. */
  readonly importDir: string
  readonly http: HttpSourceOptions
  /** Where clients bring images; left out, they cannot. */
  readonly uploads?: Pick<UploadDesk, 'source'>
}

export function imageSources({ importDir, http, uploads }: ImageSourcesOptions): SourceOf {
  return ({ metadata, spec: { source } }) => {
    if (source.http !== undefined) return httpSource([source.http.url, ...(source.http.mirrors ?? [])], http)
    if (source.file !== undefined) return fileSource(importDir, source.file.path)
    if (source.upload !== undefined && uploads !== undefined) return uploads.source(metadata.uid)
    throw new StorageDriverError('invalid-image', 'the image names no source')
  }
}
