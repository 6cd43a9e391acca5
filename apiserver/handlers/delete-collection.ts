import { isNotFound } from '../../apimachinery/status-error.ts'
import type { Reply, RequestContext } from '../http/exchange.ts'
import { negotiate } from '../http/media-types.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import { deleterOf, readDeleteOptions, removeObject } from './delete.ts'
import { listReply } from './list-reply.ts'
import type { Lister } from './list.ts'
import { Renderer, rowObjectOf } from './render.ts'
import type { HandlerServices, Target } from './services.ts'

const parallelDeletions = 16

/** DELETE of everything that a list with the same query would show; answers with that list. */
export async function deleteCollection(
  services: HandlerServices & { readonly lister: Lister },
  { definition, namespace }: Target,
  context: RequestContext,
): Promise<Reply> {
  const options = await readDeleteOptions(context)
  const page = await services.lister.select(definition, namespace, context)
  const rest = page.items.values()
  const author = deleterOf(context, options)
  const worker = async () => {
    for (const item of rest) {
      const { name = '', namespace: inNamespace = '' } = (item.object as KubeObject).metadata
      try {
        await removeObject(services, definition, {
          namespace: inNamespace,
          name,
          options,
          author,
        })
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: parallelDeletions }, worker))
  const rendering = negotiate(context.request.headers.accept)
  const renderer = new Renderer(services.tables, {
    definition,
    rendering,
    rowObject: rowObjectOf(context.query),
  })
  const metadata = { ...page.metadata }
  return listReply({ renderer, metadata, items: page.items, context, yaml: false, chunks: services.chunks })
}
