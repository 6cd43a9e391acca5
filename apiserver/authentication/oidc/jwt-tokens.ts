import { compactVerify, decodeJwt, errors, type CompactVerifyGetKey } from 'jose'
import type { Clock } from '../../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../../crds/meta/json.ts'
import { stringsAt } from '../../registry/kube-object.ts'
import { forApiOnly, TokenError, type TokenAuthenticator } from '../token-authenticator.ts'
import { userOfClaims } from './claim-values.ts'
import { IssuerKeys, type IssuerKeysDeps } from './issuer-keys.ts'
import type { JwtSettings } from './jwt-settings.ts'

const maxTokenBytes = 16 * 1024
/** How far a token may be from the future: clocks differ. */
const skewSeconds = 300

/** ID tokens of one OpenID Connect provider. Starts to fetch its keys. Throws SettingError. */
export function jwtTokens(
  settings: JwtSettings,
  apiAudiences: readonly string[],
  deps: IssuerKeysDeps,
): TokenAuthenticator {
  const keys = new IssuerKeys(settings.issuer, deps)
  const userOf = userOfClaims(settings)
  void keys.current()
  return forApiOnly(apiAudiences, async (token) => {
    if (!isFrom(token, settings.issuer.url)) return undefined
    const claims = await verified(token, keys, settings.algorithms)
    checkTimes(claims, deps.clock)
    checkAudience(claims, settings.issuer.audiences)
    return userOf(claims)
  })
}

function isFrom(token: string, issuer: string): boolean {
  if (token.length > maxTokenBytes || token.split('.').length !== 3) return false
  try {
    return decodeJwt(token).iss === issuer
  } catch {
    return false
  }
}

async function verified(token: string, keys: IssuerKeys, algorithms: readonly string[]): Promise<JsonObject> {
  const known = await keys.current()
  if (!known) throw new TokenError('oidc: authenticator not initialized', { transient: true })
  try {
    return await payloadOf(token, known, algorithms)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusal(error)
  }
  try {
    return await payloadOf(token, (await keys.renewed()) ?? known, algorithms)
  } catch (error) {
    throw refusal(error)
  }
}

async function payloadOf(
  token: string,
  keys: CompactVerifyGetKey,
  algorithms: readonly string[],
): Promise<JsonObject> {
  const claims: unknown = JSON.parse(Buffer.from(await signed(token, keys, algorithms)).toString())
  if (!isJsonObject(claims)) throw new TokenError('oidc: the token holds no claims')
  return claims
}

async function signed(
  token: string,
  keys: CompactVerifyGetKey,
  algorithms: readonly string[],
): Promise<Uint8Array> {
  const options = { algorithms: [...algorithms] }
  try {
    return (await compactVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    // The token does not name its key.
    for await (const key of error) {
      try {
        return (await compactVerify(token, key, options)).payload
      } catch (other) {
        if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** What the library finds wrong with a token; anything else is a mistake of ours. */
function refusal(error: unknown): unknown {
  const isTokenFault = error instanceof errors.JOSEError || error instanceof SyntaxError
  return isTokenFault ? new TokenError(`oidc: verify token: ${error.message}`) : error
}

function checkTimes({ exp, nbf }: JsonObject, clock: Clock): void {
  const now = clock.now() / 1000
  if (typeof exp !== 'number' || now >= exp) throw new TokenError('oidc: verify token: token is expired')
  if (typeof nbf === 'number' && now + skewSeconds < nbf) {
    throw new TokenError('oidc: verify token: current time is before the nbf (not before) time')
  }
}

function checkAudience(claims: JsonObject, wanted: readonly string[]): void {
  const given = typeof claims['aud'] === 'string' ? [claims['aud']] : stringsAt(claims, 'aud')
  if (given.some((one) => wanted.includes(one))) return
  throw new TokenError(
    `oidc: verify token: expected audience in ${JSON.stringify(wanted)} got ${JSON.stringify(given)}`,
  )
}
