import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'

/**
 * One way of telling who asks. Undefined: this way has nothing to say about the request. Throws Unauthorized for
 * credentials that are meant for it and are wrong.
 */
export type Authenticator = (request: IncomingMessage) => Promise<UserInfo | undefined>

export const authenticatedGroup = 'system:authenticated'
/** Members may do everything. */
export const mastersGroup = 'system:masters'

/** Asks one after the other; the first that knows the caller decides. Throws Unauthorized when none does. */
export function firstOf(authenticators: readonly Authenticator[]) {
  return async (request: IncomingMessage): Promise<UserInfo> => {
    for (const authenticate of authenticators) {
      const user = await authenticate(request)
      if (user) return withAuthenticatedGroup(user)
    }
    throw unauthorized()
  }
}

export function unauthorized(): StatusError {
  return new StatusError('Unauthorized', 'Unauthorized')
}

function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(authenticatedGroup)) return user
  return { ...user, groups: [...user.groups, authenticatedGroup] }
}
