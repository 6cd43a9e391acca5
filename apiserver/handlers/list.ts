import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { CachedObject } from '../cache/cache.ts'
import type { Reply, RequestContext } from '../http/exchange.ts'
import { SlicedWork } from '../http/loop-turns.ts'
import { negotiate } from '../http/media-types.ts'
import { refuseSealed } from '../registry/object-store.ts'
import { prefixOf, type ResourceDefinition } from '../registry/resource-definition.ts'
import { convertAhead, served } from '../registry/served-views.ts'
import { catchUp } from './catch-up.ts'
import { decodeContinue, encodeContinue } from './continue-token.ts'
import { listReply } from './list-reply.ts'
import { PageSnapshots } from './page-snapshots.ts'
import { parseListOptions, type ListOptions } from './query-options.ts'
import { Renderer, rowObjectOf } from './render.ts'
import { parseSelection, type Selection } from './selection.ts'
import type { HandlerServices, Target } from './services.ts'

/** One page of objects and what a client needs to go on from it. */
export interface Page {
  readonly items: readonly CachedObject[]
  readonly metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number }
}

interface ListRequest {
  readonly definition: ResourceDefinition
  readonly prefix: string
  readonly options: ListOptions
  readonly selection: Selection
  readonly signal: AbortSignal
}

const maxPageFromHistory = 10_000

/** Lists, in pages or whole, from the cache wherever that gives the same answer as the store. */
export class Lister {
  readonly #services: HandlerServices
  readonly #snapshots = new PageSnapshots()

  constructor(services: HandlerServices) {
    this.#services = services
  }

  async handle({ definition, namespace }: Target, context: RequestContext): Promise<Reply> {
    const rendering = negotiate(context.request.headers.accept)
    const page = await this.select(definition, namespace, context)
    const renderer = new Renderer(this.#services.tables, {
      definition,
      rendering,
      rowObject: rowObjectOf(context.query),
    })
    const metadata: JsonObject = { ...page.metadata }
    return listReply({
      renderer,
      metadata,
      items: page.items,
      context,
      chunks: this.#services.chunks,
      yaml: rendering.as === 'object' && rendering.yaml,
    })
  }

  /** The objects that the query asks for. */
  async select(definition: ResourceDefinition, namespace: string, context: RequestContext): Promise<Page> {
    const request: ListRequest = {
      definition,
      prefix: prefixOf(definition, namespace),
      options: parseListOptions(context, false),
      selection: parseSelection(definition, context.query),
      signal: context.signal,
    }
    if (request.options.continueToken !== '') return await this.#nextPage(request)
    return await this.#firstPage(request)
  }

  async #firstPage(request: ListRequest): Promise<Page> {
    const { definition, prefix, options, signal } = request
    const { resourceVersion, match, limit } = options
    const exact = match === 'Exact' || (match === undefined && limit > 0 && (resourceVersion ?? 0) > 0)
    if (exact && resourceVersion !== undefined) {
      return await this.#fromHistory(request, { revision: resourceVersion, after: '' })
    }
    const cache = await catchUp(this.#services, definition, resourceVersion, signal)
    refuseSealed(cache, prefix)
    const { revision } = cache
    const all = cache.list(prefix)
    // Any state will do: kube-apiserver answers such a list whole, whatever its limit.
    const effectiveLimit = resourceVersion === 0 ? 0 : limit
    if (effectiveLimit > 0 && all.length > effectiveLimit) this.#snapshots.keep(prefix, revision, all)
    return await cut(request, { items: all, from: 0, revision, limit: effectiveLimit })
  }

  async #nextPage(request: ListRequest): Promise<Page> {
    const { prefix, options, definition, signal } = request
    const { revision, after } = decodeContinue(options.continueToken)
    const start = `${prefix}${after}`
    const snapshot = revision === undefined ? undefined : this.#snapshots.find(prefix, revision)
    if (snapshot && revision !== undefined) {
      return await cut(request, {
        items: snapshot,
        from: indexAfter(snapshot, start),
        revision,
        limit: options.limit,
      })
    }
    if (revision !== undefined) return await this.#fromHistory(request, { revision, after })
    const cache = await this.#services.objects.caughtUp(definition, undefined, signal)
    refuseSealed(cache, prefix)
    const all = cache.list(prefix)
    return await cut(request, {
      items: all,
      from: indexAfter(all, start),
      revision: cache.revision,
      limit: options.limit,
    })
  }

  async #fromHistory(
    request: ListRequest,
    { revision, after }: { revision: number; after: string },
  ): Promise<Page> {
    const { definition, prefix, options, selection, signal } = request
    const items: CachedObject[] = []
    let last = after === '' ? undefined : `${prefix}${after}`
    const wanted = options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY
    for (;;) {
      const page = await this.#services.objects
        .page(definition, prefix, {
          revision,
          limit: Math.min(wanted, maxPageFromHistory),
          signal,
          ...(last !== undefined && { startAfter: last }),
        })
        .catch((error: unknown) => {
          throw after === '' ? error : expiredContinue(error, after)
        })
      for (const [index, item] of page.items.entries()) {
        last = item.key
        if (selection.matches && !selection.matches(item)) continue
        items.push(item)
        if (items.length < wanted) continue
        return finish(request, {
          items,
          last,
          revision,
          remaining: page.items.length - index - 1 + page.remaining,
        })
      }
      if (page.remaining === 0 || page.items.length === 0) {
        return finish(request, { items, last: '', revision, remaining: 0 })
      }
    }
  }
}

interface Cut {
  readonly items: readonly CachedObject[]
  readonly from: number
  readonly revision: number
  readonly limit: number
}

/** The part of a full listing that one answer holds. */
async function cut(request: ListRequest, part: Cut): Promise<Page> {
  const { definition, selection, signal } = request
  const { items, from, revision, limit } = part
  if (definition.stored.conversion) await convertAhead(definition, candidates(request, part), signal)
  if (!selection.matches && (limit === 0 || items.length - from <= limit)) {
    const rest = from === 0 ? items : items.slice(from)
    return { items: await servedAll(definition, rest), metadata: { resourceVersion: String(revision) } }
  }
  return await select(request, part)
}

/** What matches, as far as the page goes. */
async function select(request: ListRequest, { items, from, revision, limit }: Cut): Promise<Page> {
  const { definition, selection } = request
  const page: CachedObject[] = []
  const work = new SlicedWork()
  for (let index = from; index < items.length; index++) {
    if (work.due) await work.rest()
    const stored = items[index]
    if (!stored) continue
    const item = served(definition, stored)
    if (selection.matches && !selection.matches(item)) continue
    page.push(item)
    if (limit > 0 && page.length === limit) {
      return finish(request, { items: page, last: item.key, revision, remaining: items.length - index - 1 })
    }
  }
  return { items: page, metadata: { resourceVersion: String(revision) } }
}

/** What the page may be made of. With a selector, nobody knows before how many it takes to fill it. */
function candidates({ selection }: ListRequest, { items, from, limit }: Cut): readonly CachedObject[] {
  return items.slice(from, limit === 0 || selection.matches ? items.length : from + limit)
}

async function servedAll(
  definition: ResourceDefinition,
  items: readonly CachedObject[],
): Promise<readonly CachedObject[]> {
  if (!definition.stored.decode) return items
  const work = new SlicedWork()
  const views: CachedObject[] = []
  for (const item of items) {
    if (work.due) await work.rest()
    views.push(served(definition, item))
  }
  return views
}

function finish(
  { prefix, selection }: ListRequest,
  {
    items,
    last,
    revision,
    remaining,
  }: {
    items: readonly CachedObject[]
    last: string
    revision: number
    remaining: number
  },
): Page {
  const resourceVersion = String(revision)
  if (remaining === 0) return { items, metadata: { resourceVersion } }
  const token = encodeContinue({ revision, after: last.slice(prefix.length) })
  return {
    items,
    metadata: {
      resourceVersion,
      continue: token,
      // With a selector nobody knows how many of the rest would match.
      ...(!selection.matches && { remainingItemCount: remaining }),
    },
  }
}

/** Index of the first item whose key is greater than `key`. */
function indexAfter(items: readonly CachedObject[], key: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((items[middle]?.key ?? '') <= key) low = middle + 1
    else high = middle
  }
  return low
}

function expiredContinue(error: unknown, after: string): unknown {
  if (!(error instanceof StatusError) || error.reason !== 'Expired') return error
  return new ExpiredContinueError(encodeContinue({ revision: undefined, after }))
}

/** 410 that hands out a token for the rest of the list as it is now. */
class ExpiredContinueError extends StatusError {
  readonly #token: string

  constructor(token: string) {
    super(
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
        'without the continue parameter, or use the continue token in this response to retrieve the remainder of the ' +
        'results. Continuing with the provided token results in an inconsistent list - objects that were created, ' +
        'modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    )
    this.#token = token
  }

  override toStatus() {
    return { ...super.toStatus(), metadata: { continue: this.#token } }
  }
}
