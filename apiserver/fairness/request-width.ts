import { isTrue, type RequestInfo } from '../http/request-info.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import { prefixOf } from '../registry/resource-definition.ts'
import type { ResourceMap } from '../registry/resource-map.ts'

/** As many objects in one answer cost about as much as any other request. */
const objectsPerSeat = 1000

/** How many seats a request takes: more than one for lists, and for watches that begin with one. */
export type RequestWidth = (info: RequestInfo, query: URLSearchParams, signal: AbortSignal) => Promise<number>

/** Counts the objects in the cache; lists of what is not cached yet count as one seat, because nobody knows better. */
export function requestWidth(objects: ObjectStore, resources: ResourceMap): RequestWidth {
  return async (info, query, signal) => {
    if (info.verb !== 'list' && !(info.verb === 'watch' && beginsWithList(query))) return 1
    const definition = resources.find(info.group, info.version, info.resource)
    if (!definition || !objects.isCached(definition)) return 1
    if (/(^|,)metadata\.name=[^,]/.test(info.fieldSelector ?? '')) return 1
    const cache = await objects.cache(definition, signal)
    const count = cache.list(prefixOf(definition, info.namespace)).length
    const limit = Number(query.get('limit'))
    const selects = query.has('labelSelector') || query.has('fieldSelector')
    const shown = limit > 0 && !selects ? Math.min(limit, count) : count
    return Math.max(1, Math.ceil(shown / objectsPerSeat))
  }
}

function beginsWithList(query: URLSearchParams): boolean {
  const version = query.get('resourceVersion') ?? ''
  return isTrue(query.get('sendInitialEvents')) || version === '' || version === '0'
}
