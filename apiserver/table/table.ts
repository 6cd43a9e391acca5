import type { JsonObject } from '../../crds/meta/json.ts'
import { metadataOf, type TableColumn } from './columns.ts'

export interface TableRequest {
  readonly objects: readonly JsonObject[]
  readonly columns: readonly TableColumn[]
  /** What each row carries of its object. Default: `Metadata`. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object' | undefined
  /** `metadata` of the list, or `{ resourceVersion }` for a single object. */
  readonly metadata?: JsonObject | undefined
  /** Milliseconds since the epoch, for ages. */
  readonly now: number
  /** The version asked for. Default: `v1`. */
  readonly version?: 'v1' | 'v1beta1' | undefined
  /** Leaves out the definitions of the columns, as later events of a watch do. */
  readonly noHeaders?: boolean | undefined
}

/** Makes a `meta.k8s.io` Table of objects: what `kubectl get` prints. */
export function toTable(request: TableRequest): JsonObject {
  const { objects, columns, metadata = {}, noHeaders = false, version = 'v1' } = request
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { ...metadata },
    columnDefinitions: noHeaders ? null : columns.map(({ definition }) => ({ ...definition })),
    rows: objects.map((object) => tableRow(object, request)),
  }
}

function tableRow(
  object: JsonObject,
  { columns, now, includeObject, version = 'v1' }: TableRequest,
): JsonObject {
  const cells = columns.map(({ cell }) => cell(object, now))
  switch (includeObject) {
    case 'None':
      return { cells, object: null }
    case 'Object':
      return { cells, object }
    case 'Metadata':
    case undefined:
      return {
        cells,
        object: {
          kind: 'PartialObjectMetadata',
          apiVersion: `meta.k8s.io/${version}`,
          metadata: metadataOf(object),
        },
      }
  }
}
