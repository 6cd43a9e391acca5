import { sleep, type Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import type { UserInfo } from '../http/exchange.ts'
import { at, objectAt, stringsAt, textAt } from '../registry/kube-object.ts'
import { WebhookError } from '../webhook/webhook-error.ts'
import type { WebhookClient } from '../webhook/webhook-client.ts'
import { common, TokenError, type TokenAuthenticator } from './token-authenticator.ts'

export interface WebhookTokensDeps {
  readonly client: Pick<WebhookClient, 'post'>
  /** `v1` or `v1beta1` of authentication.k8s.io. */
  readonly version: string
  readonly apiAudiences: readonly string[]
  readonly clock: Clock
  readonly signal: AbortSignal
}

const timeoutMs = 10_000
/** Pauses before further attempts while the service cannot be reached. */
const retryMs = [500, 750, 1125, 1700]
const maxAnswerBytes = 1024 * 1024

/** Asks a web service, with a TokenReview, whom a token belongs to. */
export function webhookTokens(deps: WebhookTokensDeps): TokenAuthenticator {
  const { version, apiAudiences } = deps
  const apiVersion = `authentication.k8s.io/${version}`
  return async (token, audiences) => {
    const review = {
      apiVersion,
      kind: 'TokenReview',
      metadata: { creationTimestamp: null },
      spec: { token, audiences: [...audiences] },
      status: { user: {} },
    }
    const answer = await ask(deps, review)
    const status = objectAt(answer, 'status')
    if (status['authenticated'] !== true) {
      const error = textAt(status, 'error')
      if (error !== '') throw new TokenError(error)
      return undefined
    }
    // A service that says nothing about audiences knows of none but this API.
    const named = stringsAt(status, 'audiences')
    const meantFor = common(audiences, named.length > 0 ? named : apiAudiences)
    if (meantFor.length === 0) throw new TokenError('webhook: the token is meant for another audience')
    return { user: userOf(objectAt(status, 'user')), audiences: meantFor }
  }
}

async function ask({ client, clock, signal }: WebhookTokensDeps, review: object): Promise<JsonObject> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await client.post(review, { timeoutMs, maxAnswerBytes, signal })
      if (isJsonObject(answer)) return answer
      throw new TokenError('webhook: the answer is no TokenReview', { transient: true })
    } catch (error) {
      if (!(error instanceof WebhookError)) throw error
      const pauseMs = retryMs[attempt]
      if (pauseMs === undefined || !mayPass(error)) {
        throw new TokenError(`webhook: ${error.message}`, { transient: true, cause: error })
      }
      await sleep(clock, pauseMs, signal)
    }
  }
}

function mayPass({ failure, code = 0 }: WebhookError): boolean {
  return failure === 'unreachable' || (failure === 'status' && (code === 429 || code >= 500))
}

function userOf(user: JsonObject): UserInfo {
  const name = textAt(user, 'username')
  if (name === '') throw new TokenError('webhook: the answer names no user')
  const uid = textAt(user, 'uid')
  const extra = Object.keys(objectAt(user, 'extra')).map((key): [string, string[]] => [
    key.toLowerCase(),
    stringsAt(at(user, 'extra'), key),
  ])
  return {
    name,
    groups: stringsAt(user, 'groups'),
    ...(uid && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  }
}
