import { notFound } from '../../apimachinery/status-error.ts'
import { objectReply, type Reply, type RequestContext } from '../http/exchange.ts'
import { keyOf } from '../registry/resource-definition.ts'
import { checkNamed, matchUrl, readObject } from './incoming.ts'
import { parseWriteOptions } from './query-options.ts'
import { renderWritten } from './render-written.ts'
import { decideCreation, decideReplacement, type WriteIntent } from './replace.ts'
import { authorOf, type HandlerServices, type Target } from './services.ts'

/** PUT: replaces an object or one of its parts. */
export async function updateObject(
  services: HandlerServices,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { definition, namespace, name, part } = target
  const options = parseWriteOptions(context, 'UpdateOptions')
  const given = await readObject(definition, context, options.fieldValidation)
  checkNamed(given, name)
  const object = matchUrl(definition, given, { namespace, name })
  const author = authorOf(context, options)
  const intent: WriteIntent = { services, target, author, applied: false }
  const { object: written, outcome } = await services.objects.change(
    definition,
    keyOf(definition, namespace, name),
    async (current) => {
      if (current) return await decideReplacement(intent, object, current)
      if (!part && definition.strategy.allowCreateOnUpdate) return await decideCreation(intent, object)
      throw notFound({ group: definition.group, resource: definition.plural }, name)
    },
    author,
  )
  return objectReply(renderWritten(services, definition, context, written), outcome === 'created' ? 201 : 200)
}
