import type { IncomingMessage } from 'node:http'
import { badRequest } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'
import { accountOf, groupsOf } from '../service-accounts/names.ts'
import { anonymousUser, unauthenticatedGroup, withAuthenticatedGroup } from './authenticator.ts'

const extraPrefix = 'impersonate-extra-'

/**
 * Whom the caller asks to act as, with nothing that the headers do not say; undefined when nobody. Throws BadRequest for
 * headers that do not make sense.
 */
export function impersonatedUser(request: IncomingMessage): UserInfo | undefined {
  const values = impersonationHeaders(request)
  const [name = ''] = values.get('impersonate-user') ?? []
  const [uid = ''] = values.get('impersonate-uid') ?? []
  const groups = values.get('impersonate-group') ?? []
  const extra = [...values]
    .filter(([header]) => header.startsWith(extraPrefix))
    .map(([header, list]): [string, string[]] => [unescaped(header.slice(extraPrefix.length)), list])
  if (name === '') {
    if (groups.length === 0 && uid === '' && extra.length === 0) return undefined
    throw badRequest('requested impersonation of groups, uid or extra without impersonating a user')
  }
  return {
    name,
    groups: [...new Set(groups)],
    ...(uid !== '' && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  }
}

/** The user that a permitted impersonation comes to: in the groups that somebody of that name is always in. */
export function completeImpersonated(asked: UserInfo): UserInfo {
  const { name, groups } = asked
  if (name === anonymousUser) {
    return groups.includes(unauthenticatedGroup)
      ? asked
      : { ...asked, groups: [...groups, unauthenticatedGroup] }
  }
  const account = accountOf(name)
  const own = account && groups.length === 0 ? { ...asked, groups: groupsOf(account.namespace) } : asked
  return withAuthenticatedGroup(own)
}

/** The headers by lower-case name, each with all its values: values may hold commas, so they are not the joined ones. */
function impersonationHeaders({ rawHeaders }: IncomingMessage): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? ''
    const value = rawHeaders[index + 1]?.trim() ?? ''
    if (!name.startsWith('impersonate-') || value === '') continue
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return values
}

/** Header names know fewer characters than keys do: the others are escaped with percent signs. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
