import type { Json, JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import type { Rendering } from '../http/media-types.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { apiVersionOf, type ResourceDefinition } from '../registry/resource-definition.ts'

/** Lays objects out as rows for people. */
export interface TableRenderer {
  /** `columnDefinitions` of a Table. */
  columns(definition: ResourceDefinition): JsonObject[]
  /** The cells of one row, in the order of the columns. */
  cells(definition: ResourceDefinition, object: KubeObject): Json[]
}

/** `includeObject` of the query: what each row of a Table carries beside its cells. */
export type RowObject = 'None' | 'Metadata' | 'Object'

export function rowObjectOf(query: URLSearchParams): RowObject {
  const asked = query.get('includeObject')
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata'
}

/** Turns cached objects into the JSON of the representation that was negotiated. */
export class Renderer {
  readonly #tables: TableRenderer
  readonly #definition: ResourceDefinition
  readonly #rendering: Rendering
  readonly #rowObject: RowObject

  constructor(
    tables: TableRenderer,
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
    const object = item.object as KubeObject
    switch (this.#rendering.as) {
      case 'object':
        return { object, json: item.json }
      case 'metadata':
        return { object: this.#partial(object) }
      case 'table':
        return { object: this.table([object], { resourceVersion: object.metadata.resourceVersion ?? '' }) }
    }
  }

  /** One entry of a list's `items` or a table's `rows`. */
  entry(item: CachedObject): Buffer | string {
    switch (this.#rendering.as) {
      case 'object':
        return item.json
      case 'metadata':
        return JSON.stringify(this.#partial(item.object as KubeObject))
      case 'table':
        return JSON.stringify(this.#row(item.object as KubeObject))
    }
  }

  /** A list's JSON up to the first entry. `metadata` is ListMeta. */
  listHead(metadata: JsonObject): string {
    const { as } = this.#rendering
    const meta = JSON.stringify(metadata)
    if (as === 'table') {
      const columns = JSON.stringify(this.#tables.columns(this.#definition))
      const head = `{"kind":"Table","apiVersion":"meta.k8s.io/${this.#rendering.version}"`
      return `${head},"metadata":${meta},"columnDefinitions":${columns},"rows":[`
    }
    const [kind, apiVersion] =
      as === 'metadata'
        ? ['PartialObjectMetadataList', `meta.k8s.io/${this.#rendering.version}`]
        : [this.#definition.listKind, apiVersionOf(this.#definition)]
    return `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${meta},"items":[`
  }

  /** A whole Table; the columns are left out of all but the first event of a watch. */
  table(objects: readonly KubeObject[], metadata: JsonObject, withColumns = true): JsonObject {
    const version = this.#rendering.as === 'table' ? this.#rendering.version : 'v1'
    return {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${version}`,
      metadata,
      columnDefinitions: withColumns ? this.#tables.columns(this.#definition) : null,
      rows: objects.map((object) => this.#row(object)),
    }
  }

  #row(object: KubeObject): JsonObject {
    const row: JsonObject = { cells: this.#tables.cells(this.#definition, object) }
    if (this.#rowObject === 'Object') row['object'] = object
    else if (this.#rowObject === 'Metadata') row['object'] = this.#partial(object)
    return row
  }

  #partial({ metadata }: KubeObject): JsonObject {
    const version = this.#rendering.as === 'object' ? 'v1' : this.#rendering.version
    return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata }
  }
}
