import { anonymousUser, unauthenticatedGroup, type Authenticator } from './authenticator.ts'

/** Takes everybody who shows no credentials as one and the same user, on some paths or on all. Comes last. */
export function anonymousAuthenticator(paths: readonly string[] = []): Authenticator {
  const user = { name: anonymousUser, groups: [unauthenticatedGroup] }
  return async ({ url = '/' }) => {
    if (paths.length === 0) return user
    return paths.includes(url.split('?')[0] ?? '') ? user : undefined
  }
}
