import { notFound } from '../../apimachinery/status-error.ts'
import type { Reply, RequestContext } from '../http/exchange.ts'
import { renderedReply } from '../http/exchange.ts'
import { negotiate } from '../http/media-types.ts'
import { keyOf } from '../registry/resource-definition.ts'
import { catchUp } from './catch-up.ts'
import { parseVersion } from './query-options.ts'
import { Renderer, rowObjectOf } from './render.ts'
import type { HandlerServices, Target } from './services.ts'

/** GET of one object: the newest state, or any not older than `resourceVersion`. */
export async function getObject(
  services: HandlerServices,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace, name } = target
  const rendering = negotiate(context.request.headers.accept)
  const version = context.query.get('resourceVersion') ?? ''
  const revision = version === '' ? undefined : parseVersion(version)
  const key = keyOf(definition, namespace, name)
  if (revision !== undefined) await catchUp(services, definition, revision, context.signal)
  const item = await services.objects.read(definition, key, revision, context.signal)
  if (!item) throw notFound({ group: definition.group, resource: definition.plural }, name)
  const renderer = new Renderer(services.tables, {
    definition,
    rendering,
    rowObject: rowObjectOf(context.query),
  })
  return renderedReply(renderer.single(item))
}
