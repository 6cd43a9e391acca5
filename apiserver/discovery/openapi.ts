import type { Clock } from '../../apimachinery/clock.ts'
import { hostSubresourcesOf } from '../registry/host-subresources.ts'
import type { RawReply, Reply, RequestContext } from '../http/exchange.ts'
import { parseAccept } from '../http/media-types.ts'
import {
  groupVersionPath,
  type OpenApiAction,
  type OpenApiGroupVersion,
  type OpenApiResource,
} from '../openapi/resource.ts'
import { openApiV2, openApiV2Protobuf, openApiV2ProtobufType } from '../openapi/v2.ts'
import { openApiV3ForGroupVersion, openApiV3Index } from '../openapi/v3.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { replyWithDocument, taggedDocument, type TaggedDocument } from './tagged-document.ts'

const yearMs = 365 * 24 * 60 * 60 * 1000

interface GroupVersionDocument extends TaggedDocument {
  /** What it was made from: the same resources give the same document. */
  readonly resources: readonly ResourceDefinition[]
}

interface DatedDocument {
  readonly generation: number
  readonly document: TaggedDocument
}

/** Serves the schemas of everything as OpenAPI, made when first asked for and again when a kind changes. */
export class OpenApi {
  readonly #resources: ResourceMap
  readonly #clock: Clock
  readonly #documents = new Map<string, GroupVersionDocument>()
  readonly #whole: { json?: DatedDocument; protobuf?: DatedDocument } = {}
  #index: DatedDocument | undefined

  constructor(resources: ResourceMap, clock: Clock) {
    this.#resources = resources
    this.#clock = clock
  }

  /** Undefined when the path is none of OpenAPI's, or names a group version that is not served. */
  handle(context: RequestContext): Reply | undefined {
    const { path } = context.info
    if (path === '/openapi/v3' || path === '/openapi/v3/')
      return replyWithDocument(context, this.#indexDocument())
    if (path === '/openapi/v2') return replyWithDocument(context, this.#version2(wantsProtobuf(context)))
    if (!path.startsWith('/openapi/v3/')) return undefined
    this.#indexDocument()
    const document = this.#documents.get(path.slice('/openapi/v3/'.length))
    return document && this.#documentReply(context, document)
  }

  #documentReply(context: RequestContext, document: TaggedDocument): RawReply {
    const asked = context.query.get('hash')
    if (asked === null) return replyWithDocument(context, document)
    if (asked !== document.hash) {
      const location = `${context.info.path}?hash=${document.hash}`
      return { type: 'raw', code: 301, headers: { location }, body: '' }
    }
    return replyWithDocument(context, document, {
      'cache-control': 'public, immutable',
      expires: new Date(this.#clock.now() + yearMs).toUTCString(),
    })
  }

  /** Everything in one document, for clients that know no other. Large, and rarely asked for. */
  #version2(protobuf: boolean): TaggedDocument {
    const { generation } = this.#resources
    const known = this.#whole[protobuf ? 'protobuf' : 'json']
    if (known?.generation === generation) return known.document
    const served = [...Map.groupBy(this.#resources.all(), groupVersionPath).values()]
    const whole = openApiV2(served.map(groupVersionOf))
    const document = protobuf
      ? taggedDocument(openApiV2Protobuf(whole), openApiV2ProtobufType)
      : taggedDocument(JSON.stringify(whole), 'application/json')
    this.#whole[protobuf ? 'protobuf' : 'json'] = { generation, document }
    return document
  }

  #indexDocument(): TaggedDocument {
    const { generation } = this.#resources
    if (this.#index?.generation === generation) return this.#index.document
    this.#refresh()
    const documents = [...this.#documents].map(([path, { body }]) => ({ path, json: body }))
    const document = taggedDocument(JSON.stringify(openApiV3Index(documents)), 'application/json')
    this.#index = { generation, document }
    return document
  }

  #refresh(): void {
    const served = Map.groupBy(this.#resources.all(), groupVersionPath)
    for (const path of this.#documents.keys()) if (!served.has(path)) this.#documents.delete(path)
    for (const [path, resources] of served) {
      const known = this.#documents.get(path)
      if (known && sameList(known.resources, resources)) continue
      this.#documents.set(path, { ...documentOf(resources), resources })
    }
  }
}

function documentOf(resources: readonly ResourceDefinition[]): TaggedDocument {
  return taggedDocument(
    JSON.stringify(openApiV3ForGroupVersion(groupVersionOf(resources))),
    'application/json',
  )
}

function groupVersionOf(resources: readonly ResourceDefinition[]): OpenApiGroupVersion {
  const { group = '', version = '' } = resources[0] ?? {}
  return { group, version, resources: resources.map(openApiResource) }
}

/** Older kubectl and Argo CD take nothing else. */
function wantsProtobuf({ request }: RequestContext): boolean {
  for (const { type } of parseAccept(request.headers.accept)) {
    if (type === 'application/json' || type === '*/*') return false
    if (/^application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf$/.test(type)) return true
  }
  return false
}

function openApiResource(definition: ResourceDefinition): OpenApiResource {
  return {
    ...definition,
    subresources: Object.keys(definition.subresources).filter(
      (name) => definition.subresources[name]?.type !== 'action',
    ),
    actions: actionsOf(definition),
    connections: hostSubresourcesOf(definition),
    schema: definition.openApiSchema,
  }
}

function actionsOf({ subresources }: ResourceDefinition): Record<string, OpenApiAction> {
  const actions: Record<string, OpenApiAction> = {}
  for (const [name, subresource] of Object.entries(subresources)) {
    if (subresource.type !== 'action') continue
    const { group, version, kind, openApiSchema } = subresource.body
    actions[name] = { group, version, kind, schema: openApiSchema }
  }
  return actions
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index])
}
