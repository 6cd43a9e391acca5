import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { UserInfo } from '../http/exchange.ts'

/**
 * One way of telling who asks. Undefined: this way has nothing to say about the request. Throws Unauthorized for
 * credentials that are meant for it and are wrong.
 */
export type Authenticator = (request: IncomingMessage) => Promise<UserInfo | undefined>

export const authenticatedGroup = 'system:authenticated'
/** The group of those who show no credentials at all, where that is allowed. */
export const unauthenticatedGroup = 'system:unauthenticated'
export const anonymousUser = 'system:anonymous'
/** Members may do everything. */
export const mastersGroup = 'system:masters'
/** The entry of a user's extra that tells which credential was shown, so that audits can follow a single one. */
export const credentialIdKey = 'authentication.kubernetes.io/credential-id'

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

/** Everybody but the anonymous user is in the group of those who are known. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const { name, groups } = user
  if (name === anonymousUser) return user
  if (groups.includes(authenticatedGroup) || groups.includes(unauthenticatedGroup)) return user
  return { ...user, groups: [...groups, authenticatedGroup] }
}
