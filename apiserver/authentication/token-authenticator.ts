import type { UserInfo } from '../http/exchange.ts'

/** A token that has been found to be good. */
export interface TokenBearer {
  readonly user: UserInfo
  /** Those of the asked audiences that the token is meant for. */
  readonly audiences: readonly string[]
}

/**
 * One way of telling who a bearer token belongs to. Undefined: the token is of another kind. Throws TokenError for a
 * token that is of this kind and is not good for any of `audiences`, and StatusError when it cannot be told now.
 */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[],
) => Promise<TokenBearer | undefined>

/** Why a token is refused. The message never holds any part of the token's secret. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  /** Says nothing about the token: somebody who had to be asked could not be. */
  readonly transient: boolean

  constructor(message: string, { transient = false, cause }: { transient?: boolean; cause?: unknown } = {}) {
    super(message, { cause })
    this.transient = transient
  }
}

/** Asks one after the other until one knows the token. Throws a TokenError with everything that was found wrong. */
export function anyOfTokens(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return async (token, audiences) => {
    const problems: string[] = []
    for (const authenticate of authenticators) {
      try {
        const bearer = await authenticate(token, audiences)
        if (bearer) return bearer
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        problems.push(error.message)
      }
    }
    const [first, ...more] = problems
    if (first === undefined) return undefined
    throw new TokenError(more.length === 0 ? first : `[${problems.join(', ')}]`)
  }
}

/** For tokens that say nothing about audiences: they are good for the API server, and for nobody else. */
export function forApiOnly(
  apiAudiences: readonly string[],
  userOf: (token: string) => Promise<UserInfo | undefined>,
): TokenAuthenticator {
  return async (token, asked) => {
    const audiences = common(apiAudiences, asked)
    if (audiences.length === 0) return undefined
    const user = await userOf(token)
    return user && { user, audiences }
  }
}

/** The members of `some` that are in `others` too. */
export function common(some: readonly string[], others: readonly string[]): string[] {
  return some.filter((one) => others.includes(one))
}
