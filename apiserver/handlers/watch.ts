import type { Reply, RequestContext } from '../http/exchange.ts'
import { negotiate } from '../http/media-types.ts'
import { refuseSealed } from '../registry/object-store.ts'
import { prefixOf } from '../registry/resource-definition.ts'
import { catchUp } from './catch-up.ts'
import { parseListOptions } from './query-options.ts'
import { Renderer, rowObjectOf } from './render.ts'
import { parseSelection } from './selection.ts'
import type { HandlerServices, Target } from './services.ts'
import { WatchStream } from './watch-stream.ts'

/** Half an hour: what a watch lasts at least when the client names no time. */
const defaultTimeoutSeconds = 1800

/** GET with `watch=true`: events from a version on, or the present objects first and then events. */
export async function watchObjects(
  services: HandlerServices,
  { definition, namespace }: Target,
  context: RequestContext,
): Promise<Reply> {
  const options = parseListOptions(context, true)
  const selection = parseSelection(definition, context.query)
  const rendering = negotiate(context.request.headers.accept)
  const renderer = new Renderer(services.tables, {
    definition,
    rendering,
    rowObject: rowObjectOf(context.query),
  })
  const { resourceVersion, sendInitialEvents } = options
  const fromState = sendInitialEvents ?? (resourceVersion === undefined || resourceVersion === 0)
  const cache = await catchUp(services, definition, resourceVersion, context.signal)
  if (fromState) refuseSealed(cache, prefixOf(definition, namespace))
  const timeoutMs = 1000 * (options.timeoutSeconds ?? defaultTimeoutSeconds * (1 + Math.random()))
  const stream = new WatchStream({
    definition,
    renderer,
    selection,
    cache,
    prefix: prefixOf(definition, namespace),
    after: fromState ? undefined : (resourceVersion ?? cache.revision),
    markInitialEnd: sendInitialEvents === true,
    bookmarks: options.allowWatchBookmarks,
    timeoutMs,
    services,
  })
  return {
    type: 'stream',
    code: 200,
    headers: { 'content-type': 'application/json' },
    write: (response, signal) => stream.run(response, signal),
    begun: stream.begun,
  }
}
