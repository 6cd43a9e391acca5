import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { credentialIdKey } from '../authentication/authenticator.ts'
import {
  common,
  TokenError,
  type TokenAuthenticator,
  type TokenBearer,
} from '../authentication/token-authenticator.ts'
import type { UserInfo } from '../http/exchange.ts'
import { at, stringsAt, textAt, type KubeObject } from '../registry/kube-object.ts'
import { accountOf, groupsOf, userNameOf, type AccountName } from './names.ts'
import type { SignedTokens } from './signed-tokens.ts'
import type { AccountLookup } from './stored-accounts.ts'
import { legacyIssuer } from './token-issuer.ts'

export interface AccountTokensDeps {
  readonly signed: SignedTokens
  readonly lookup: AccountLookup
  /** For whom tokens without an audience are meant. */
  readonly apiAudiences: readonly string[]
  readonly clock: Clock
  /** Told when a token that never expires is used. */
  readonly onLegacyUse?: (secret: KubeObject) => void
}

/** Clocks of servers differ: so much from the future a token may be. */
const skewSeconds = 60
/** What is being deleted may still finish what it is doing. */
const deletionGraceMs = 60_000

/**
 * Tokens of service accounts. Everything but the signature is looked at on every request, so that a token ends with
 * its account or with what it is bound to as soon as this server hears of that.
 */
export function accountTokens(deps: AccountTokensDeps): TokenAuthenticator {
  return async (token, asked) => {
    const claims = await deps.signed.read(token)
    if (!claims) return undefined
    const isLegacy = textAt(claims, 'iss') === legacyIssuer
    const meantFor = isLegacy ? deps.apiAudiences : audiencesOf(claims)
    const audiences = common(asked, meantFor)
    if (audiences.length === 0) {
      throw new TokenError(
        `token audiences ${JSON.stringify(meantFor)} is invalid for the target audiences ${JSON.stringify(asked)}`,
      )
    }
    const user = isLegacy ? await legacyUser(deps, claims, token) : await boundUser(deps, claims)
    return { user, audiences } satisfies TokenBearer
  }
}

function audiencesOf(claims: JsonObject): readonly string[] {
  return typeof claims['aud'] === 'string' ? [claims['aud']] : stringsAt(claims, 'aud')
}

async function boundUser(deps: AccountTokensDeps, claims: JsonObject): Promise<UserInfo> {
  checkTimes(claims, deps.clock.now() / 1000)
  const own = at(claims, 'kubernetes.io')
  const account = { namespace: textAt(own, 'namespace'), name: textAt(own, 'serviceaccount', 'name') }
  const uid = textAt(own, 'serviceaccount', 'uid')
  if (textAt(claims, 'sub') !== userNameOf(account)) throw new TokenError('sub claim is invalid')
  await checkAccount(deps, account, uid)
  await checkBinding(deps, account.namespace, own)
  const id = textAt(claims, 'jti')
  return { ...userOf(account, uid), ...(id && { extra: { [credentialIdKey]: [`JTI=${id}`] } }) }
}

function checkTimes(claims: JsonObject, now: number): void {
  const { exp, nbf } = claims
  if (typeof exp !== 'number' || now >= exp) throw new TokenError('service account token has expired')
  if (typeof nbf === 'number' && now + skewSeconds < nbf) {
    throw new TokenError('service account token is not valid yet')
  }
}

async function checkAccount(deps: AccountTokensDeps, { namespace, name }: AccountName, uid: string) {
  const account = await deps.lookup.account(namespace, name, uid)
  if (!account || isEnding(account, deps.clock))
    throw new TokenError('service account token has been invalidated')
  if (account.metadata.uid !== uid) {
    throw new TokenError(
      `the service account UID (${account.metadata.uid ?? ''}) does not match the claim UID (${uid})`,
    )
  }
  return account
}

async function checkBinding(
  deps: AccountTokensDeps,
  namespace: string,
  own: JsonObject[string],
): Promise<void> {
  for (const kind of ['pod', 'node']) {
    if (at(own, kind) === undefined) continue
    throw new TokenError(`service account token is bound to a ${kind}, which this server does not serve`)
  }
  if (at(own, 'secret') === undefined) return
  const uid = textAt(own, 'secret', 'uid')
  const secret = await deps.lookup.secret(namespace, textAt(own, 'secret', 'name'), uid)
  if (!secret || isEnding(secret, deps.clock)) {
    throw new TokenError('service account token has been invalidated')
  }
  if (secret.metadata.uid !== uid) {
    throw new TokenError('secret UID does not match the secret ref UID of the service account token')
  }
}

function isEnding({ metadata }: KubeObject, clock: Clock): boolean {
  const { deletionTimestamp } = metadata
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + deletionGraceMs < clock.now()
}

/** The label that an administrator, or a clean-up, ends a token for good with. */
const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since'

async function legacyUser(deps: AccountTokensDeps, claims: JsonObject, token: string): Promise<UserInfo> {
  const claim = (name: string) => textAt(claims, `kubernetes.io/serviceaccount/${name}`)
  const account = { namespace: claim('namespace'), name: claim('service-account.name') }
  const subject = accountOf(textAt(claims, 'sub'))
  if (subject?.namespace !== account.namespace || subject.name !== account.name) {
    throw new TokenError('sub claim is invalid')
  }
  const secret = await deps.lookup.secret(account.namespace, claim('secret.name'))
  if (!secret || secret.metadata.deletionTimestamp !== undefined) {
    throw new TokenError('token has been invalidated')
  }
  if (!sameBytes(Buffer.from(textAt(secret, 'data', 'token'), 'base64'), Buffer.from(token))) {
    throw new TokenError("token does not match server's copy")
  }
  if (secret.metadata.labels?.[invalidSinceLabel] !== undefined) {
    throw new TokenError('the token in its secret has been marked invalid')
  }
  const uid = claim('service-account.uid')
  await checkAccount(deps, account, uid)
  deps.onLegacyUse?.(secret)
  return userOf(account, uid)
}

function userOf(account: AccountName, uid: string): UserInfo {
  return { name: userNameOf(account), uid, groups: groupsOf(account.namespace) }
}

/** Takes the same time whichever byte differs. */
function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
