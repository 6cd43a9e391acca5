import type { JsonObject } from '../../crds/meta/json.ts'
import type { RequestContext } from '../http/exchange.ts'
import { negotiate } from '../http/media-types.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import { Renderer, rowObjectOf } from './render.ts'
import type { HandlerServices } from './services.ts'

/** What a write answers with: the object, or its Table or metadata when the client asked for that. */
export function renderWritten(
  services: HandlerServices,
  definition: ResourceDefinition,
  context: RequestContext,
  object: KubeObject,
): JsonObject {
  const rendering = negotiate(context.request.headers.accept)
  if (rendering.as === 'object') return object
  const renderer = new Renderer(services.tables, {
    definition,
    rendering,
    rowObject: rowObjectOf(context.query),
  })
  return renderer.single({ object, json: Buffer.alloc(0) }).object
}
