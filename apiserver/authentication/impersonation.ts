import type { IncomingMessage } from 'node:http'
import { badRequest } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'
import { authenticatedGroup } from './authenticator.ts'

const extraPrefix = 'impersonate-extra-'

/** Whom the caller asks to act as, undefined when nobody. Throws BadRequest for headers that do not make sense. */
export function impersonatedUser(request: IncomingMessage): UserInfo | undefined {
  const { headers } = request
  const name = one(headers['impersonate-user'])
  const groups = valuesOf(request, 'impersonate-group')
  const uid = one(headers['impersonate-uid'])
  const extra: Record<string, string[]> = {}
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(extraPrefix)) continue
    extra[decodeURIComponent(header.slice(extraPrefix.length))] = valuesOf(request, header)
  }
  if (name === undefined) {
    if (groups.length === 0 && uid === undefined && Object.keys(extra).length === 0) return undefined
    throw badRequest('requested impersonation of groups, uid or extra without impersonating a user')
  }
  return {
    name,
    groups: [...new Set([...groups, authenticatedGroup])],
    ...(uid !== undefined && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

function one(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value
  return text === undefined || text === '' ? undefined : text
}

/** All values of a header that may be repeated; Node joins repeats of unknown headers with commas. */
function valuesOf({ headers }: IncomingMessage, name: string): string[] {
  const value = headers[name]
  if (value === undefined) return []
  return (Array.isArray(value) ? value : value.split(',')).map((text) => text.trim()).filter(Boolean)
}
