import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import type { Rendering } from '../http/media-types.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { toTable } from '../table/table.ts'
import { apiVersionOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import type { Tables } from './tables.ts'

/** `includeObject` of the query: what each row of a Table carries beside its cells. */
export type RowObject = 'None' | 'Metadata' | 'Object'

export function rowObjectOf(query: URLSearchParams): RowObject {
  const asked = query.get('includeObject')
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata'
}

const closing = Buffer.from('}')

/** Turns cached objects into the JSON of the representation that was negotiated. */
export class Renderer {
  readonly #tables: Tables
  readonly #definition: ResourceDefinition
  readonly #rendering: Rendering
  readonly #rowObject: RowObject

  constructor(
    tables: Tables,
    {
      definition,
      rendering,
      rowObject,
    }: {
      definition: ResourceDefinition
      rendering: Rendering
      rowObject: RowObject
    },
  ) {
    this.#tables = tables
    this.#definition = definition
    this.#rendering = rendering
    this.#rowObject = rowObject
  }

  /** Media type parameters to name in the Content-Type, empty for plain objects. */
  get contentType(): string {
    const { as } = this.#rendering
    if (as === 'object') return 'application/json'
    const name = as === 'table' ? 'Table' : 'PartialObjectMetadata'
    return `application/json;as=${name};g=meta.k8s.io;v=${this.#rendering.version}`
  }

  /** True when objects go out as they are, so that their bytes can be used. */
  get plain(): boolean {
    return this.#rendering.as === 'object'
  }

  /** The JSON of one object on its own. */
  single(item: Pick<CachedObject, 'object' | 'json'>): { object: JsonObject; json?: Buffer } {
    // The parsed form may have to be made: not for those who want the bytes.
    if (this.#rendering.as === 'object') return item
    const object = item.object as KubeObject
    switch (this.#rendering.as) {
      case 'metadata':
        return { object: this.#partial(object) }
      case 'table':
        return { object: this.#table(object, { resourceVersion: object.metadata.resourceVersion ?? '' }) }
    }
  }

  /** One entry of a list's `items` or a table's `rows`. */
  entry(item: CachedObject): Buffer | string {
    switch (this.#rendering.as) {
      case 'object':
        return item.json
      case 'metadata':
        return Buffer.concat(this.#partialBytes(item))
      case 'table':
        return Buffer.concat(this.#row(item))
    }
  }

  /** A list's JSON up to the first entry. `metadata` is ListMeta. */
  listHead(metadata: JsonObject): string {
    const { as } = this.#rendering
    const meta = JSON.stringify(metadata)
    if (as === 'table') {
      const definitions = this.#tables.columnsOf(this.#definition).map(({ definition }) => definition)
      const columns = JSON.stringify(definitions)
      const head = `{"kind":"Table","apiVersion":"meta.k8s.io/${this.#rendering.version}"`
      return `${head},"metadata":${meta},"columnDefinitions":${columns},"rows":[`
    }
    const [kind, apiVersion] =
      as === 'metadata'
        ? ['PartialObjectMetadataList', `meta.k8s.io/${this.#rendering.version}`]
        : [this.#definition.listKind, apiVersionOf(this.#definition)]
    return `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${meta},"items":[`
  }

  #table(object: JsonObject, metadata: JsonObject): JsonObject {
    const version = this.#rendering.as === 'table' ? this.#rendering.version : undefined
    return toTable({
      objects: [object],
      columns: this.#tables.columnsOf(this.#definition),
      includeObject: this.#rowObject,
      metadata,
      now: this.#tables.now(),
      version,
    })
  }

  #row(item: CachedObject): Buffer[] {
    const head = `{"cells":${JSON.stringify(this.#tables.cells(this.#definition, item))},"object":`
    switch (this.#rowObject) {
      case 'None':
        return [Buffer.from(`${head}null}`)]
      case 'Object':
        return [Buffer.from(head), item.json, closing]
      case 'Metadata':
        return [Buffer.from(head), ...this.#partialBytes(item), closing]
    }
  }

  /** The object's metadata as the bytes they are. */
  #partialBytes(item: CachedObject): Buffer[] {
    const version = this.#rendering.as === 'object' ? 'v1' : this.#rendering.version
    const head = `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":`
    return [Buffer.from(head), this.#tables.metadataIn(item), closing]
  }

  #partial({ metadata }: KubeObject): JsonObject {
    const version = this.#rendering.as === 'object' ? 'v1' : this.#rendering.version
    return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata }
  }
}
