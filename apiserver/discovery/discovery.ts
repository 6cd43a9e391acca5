import type { JsonObject } from '../../crds/meta/json.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { parseAccept } from '../http/media-types.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { apiResourceOf, groupsOf, groupVersionOf, type ApiGroup, type ApiResource } from './api-resource.ts'
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from './documents.ts'
import { replyWithDocument, taggedDocument, type TaggedDocument } from './tagged-document.ts'

/** What other servers serve through this one. */
export interface ResourcesBehind {
  /** Grows whenever `resources` gives another answer. */
  readonly generation: number
  resources(): readonly ApiResource[]
}

const nothing: ResourcesBehind = { generation: 0, resources: () => [] }

/** Tells clients what is served: `/api`, `/apis` and everything below that is not a resource. */
export class Discovery {
  readonly #resources: ResourceMap
  readonly #reviews: readonly ApiResource[]
  readonly #behind: ResourcesBehind
  #generation = -1
  #groups: readonly ApiGroup[] = []
  #documents = new Map<string, TaggedDocument>()

  constructor(resources: ResourceMap, reviews: readonly ApiResource[], behind: ResourcesBehind = nothing) {
    this.#resources = resources
    this.#reviews = reviews
    this.#behind = behind
  }

  /** Undefined when the path is none of discovery's. */
  handle(context: RequestContext): Reply | undefined {
    const [root, ...rest] = context.info.path.split('/').filter(Boolean)
    if (root !== 'api' && root !== 'apis') return undefined
    this.#refresh()
    if (rest.length === 0) return this.#root(context, root)
    return root === 'api' ? this.#core(rest) : this.#group(rest)
  }

  #refresh(): void {
    // Both only ever grow, so that their sum does not change unless one of them does.
    const generation = this.#resources.generation + this.#behind.generation
    if (this.#generation === generation) return
    this.#generation = generation
    const own = this.#resources.all().map(apiResourceOf)
    this.#groups = groupsOf([...own, ...this.#reviews, ...this.#behind.resources()])
    this.#documents = new Map()
  }

  #root(context: RequestContext, root: 'api' | 'apis'): Reply {
    const core = this.#groups.find(({ name }) => name === '')
    const others = this.#groups.filter(({ name }) => name !== '')
    const version = aggregatedVersion(context)
    if (version !== undefined) {
      const groups = root === 'apis' ? others : core ? [core] : []
      const apiVersion = `apidiscovery.k8s.io/${version}`
      const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
      return replyWithDocument(
        context,
        this.#document(`${root} ${type}`, type, () => aggregatedDiscovery(groups, apiVersion)),
      )
    }
    const document =
      root === 'apis' ? apiGroupList(others) : apiVersions(core, String(context.request.headers.host ?? ''))
    return withVary(document)
  }

  #document(key: string, type: string, make: () => JsonObject): TaggedDocument {
    let document = this.#documents.get(key)
    if (!document) this.#documents.set(key, (document = taggedDocument(JSON.stringify(make()), type)))
    return document
  }

  #core([version, ...rest]: string[]): Reply | undefined {
    if (rest.length > 0) return undefined
    return this.#resourceList('', version ?? '')
  }

  #group([name, version, ...rest]: string[]): Reply | undefined {
    if (rest.length > 0) return undefined
    const group = this.#groups.find((one) => one.name === name && one.name !== '')
    if (!group) return undefined
    return version === undefined ? objectReply(apiGroup(group)) : this.#resourceList(group.name, version)
  }

  #resourceList(group: string, version: string): Reply | undefined {
    const found = this.#groups
      .find(({ name }) => name === group)
      ?.versions.find((one) => one.version === version)
    return found && objectReply(apiResourceList(groupVersionOf({ group, version }), found.resources))
  }
}

function withVary(object: JsonObject): Reply {
  return {
    type: 'raw',
    code: 200,
    headers: { 'content-type': 'application/json', vary: 'Accept' },
    body: JSON.stringify(object),
  }
}

/** The version of aggregated discovery that the client prefers over the lists of old. */
function aggregatedVersion({ request }: RequestContext): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of parseAccept(request.headers.accept)) {
    const { g, v, as } = parameters
    if (g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && (v === 'v2' || v === 'v2beta1'))
      return v
    if (g === undefined && (type === 'application/json' || type === '*/*')) return undefined
  }
  return undefined
}
