import { anonymousUser, unauthenticatedGroup, type Authenticator } from './authenticator.ts'

/** Takes everybody who shows no credentials as one and the same user. Comes last. */
export function anonymousAuthenticator(): Authenticator {
  const user = { name: anonymousUser, groups: [unauthenticatedGroup] }
  return async () => user
}
