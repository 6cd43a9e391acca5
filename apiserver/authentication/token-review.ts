import { badRequest } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { review, userInfoOf, type ReviewResource } from '../handlers/review.ts'
import { objectAt, stringsAt, textAt } from '../registry/kube-object.ts'
import { withAuthenticatedGroup } from './authenticator.ts'
import { TokenError, type TokenAuthenticator } from './token-authenticator.ts'

export interface TokenReviewDeps {
  readonly tokens: TokenAuthenticator
  readonly apiAudiences: readonly string[]
}

/** TokenReview: tells other servers whom a token belongs to. */
export function tokenReviews(deps: TokenReviewDeps): ReviewResource {
  return review(
    { group: 'authentication.k8s.io', kind: 'TokenReview', namespaced: false },
    async (_context, body) => {
      const spec = objectAt(body, 'spec')
      const token = textAt(spec, 'token')
      if (token === '') throw badRequest('token is required for TokenReview in authentication')
      const asked = stringsAt(spec, 'audiences')
      return { spec, status: await statusOf(deps, token, asked.length > 0 ? asked : deps.apiAudiences) }
    },
  )
}

async function statusOf(
  { tokens }: TokenReviewDeps,
  token: string,
  audiences: readonly string[],
): Promise<JsonObject> {
  try {
    const bearer = await tokens(token, audiences)
    if (!bearer) return { user: {}, error: 'invalid bearer token' }
    return {
      authenticated: true,
      user: userInfoOf(withAuthenticatedGroup(bearer.user)),
      audiences: [...bearer.audiences],
    }
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    return { user: {}, error: error.message }
  }
}
