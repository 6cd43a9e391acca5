import { StatusError, type StatusDetails } from '../../apimachinery/status-error.ts'
import { attributesOf, forbiddenText, type Authorizer } from '../authorization/authorizer.ts'
import type { Handler } from '../http/exchange.ts'
import type { RequestInfo } from '../http/request-info.ts'

/** Refuses what the user may not do. */
export function withAuthorization(next: Handler, { authorizer }: { authorizer: Authorizer }): Handler {
  return async (context) => {
    const { user, info, signal } = context
    // Only paths that need no user get here without one.
    if (user === undefined) return await next(context)
    const attributes = attributesOf(user, info)
    const { allowed, reason } = await authorizer.authorize(attributes, signal)
    context.annotations.set('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid')
    context.annotations.set('authorization.k8s.io/reason', reason)
    if (!allowed) {
      throw new StatusError('Forbidden', forbiddenText(attributes, reason), { details: detailsOf(info) })
    }
    return await next(context)
  }
}

function detailsOf({ name, group, resource }: RequestInfo): StatusDetails {
  return { ...(name && { name }), ...(group && { group }), ...(resource && { kind: resource }) }
}
