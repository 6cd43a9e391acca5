import { StatusError } from '../../apimachinery/status-error.ts'
import { completeImpersonated, impersonatedUser } from '../authentication/impersonation.ts'
import { forbiddenText, type Attributes, type Authorizer } from '../authorization/authorizer.ts'
import type { Handler, UserInfo } from '../http/exchange.ts'

/** Lets those who may impersonate act as somebody else. */
export function withImpersonation(next: Handler, { authorizer }: { authorizer: Authorizer }): Handler {
  return async (context) => {
    const { user, request, signal } = context
    if (user === undefined) return await next(context)
    const asked = impersonatedUser(request)
    if (asked === undefined) return await next(context)
    for (const attributes of neededPermissions(user, asked)) {
      const { allowed, reason } = await authorizer.authorize(attributes, signal)
      if (!allowed) throw new StatusError('Forbidden', forbiddenText(attributes, reason))
    }
    const target = completeImpersonated(asked)
    context.audit?.impersonated(target)
    return await next({ ...context, user: target })
  }
}

function neededPermissions(user: UserInfo, target: UserInfo): Attributes[] {
  const impersonate = (resource: string, name: string, subresource = ''): Attributes => ({
    user,
    isResource: true,
    verb: 'impersonate',
    group: resource === 'users' || resource === 'groups' ? '' : 'authentication.k8s.io',
    version: 'v1',
    resource,
    subresource,
    namespace: '',
    name,
    path: '',
  })
  return [
    serviceAccountOf(target.name, impersonate) ?? impersonate('users', target.name),
    ...target.groups.map((group) => impersonate('groups', group)),
    ...(target.uid === undefined ? [] : [impersonate('uids', target.uid)]),
    ...Object.entries(target.extra ?? {}).flatMap(([key, values]) =>
      values.map((value) => impersonate('userextras', value, key)),
    ),
  ]
}

function serviceAccountOf(
  name: string,
  impersonate: (resource: string, name: string) => Attributes,
): Attributes | undefined {
  const [system, kind, namespace, account] = name.split(':')
  if (system !== 'system' || kind !== 'serviceaccount' || !namespace || !account) return undefined
  return { ...impersonate('serviceaccounts', account), group: '', namespace }
}
