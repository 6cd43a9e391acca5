import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from 'jose'
import { isJsonObject, type JsonObject } from '../../crds/meta/json.ts'
import { TokenError } from '../authentication/token-authenticator.ts'
import { fingerprint, RecentlyUsed } from '../authentication/token-cache.ts'
import type { VerifyingKey } from './signing-keys.ts'

const maxTokenBytes = 16 * 1024
const remembered = 4096

/**
 * Reads the claims of tokens that one of the keys has signed. A signature is checked once per token: what can change
 * (time, the account, what it is bound to) is not looked at here.
 */
export class SignedTokens {
  readonly #issuers: ReadonlySet<string>
  readonly #keys: readonly VerifyingKey[]
  readonly #known = new RecentlyUsed<JsonObject>(remembered)

  constructor(issuers: readonly string[], keys: readonly VerifyingKey[]) {
    this.#issuers = new Set(issuers)
    this.#keys = keys
  }

  /** Undefined for what is no token of these issuers. Throws TokenError for a bad signature. */
  async read(token: string): Promise<JsonObject | undefined> {
    const key = fingerprint(token)
    const known = this.#known.get(key)
    if (known) return known
    if (token.length > maxTokenBytes || !this.#isOurs(token)) return undefined
    const claims = await this.#verify(token)
    this.#known.set(key, claims)
    return claims
  }

  #isOurs(token: string): boolean {
    if (token.split('.').length !== 3) return false
    try {
      const { iss } = decodeJwt(token)
      return iss !== undefined && this.#issuers.has(iss)
    } catch {
      return false
    }
  }

  async #verify(token: string): Promise<JsonObject> {
    for (const { key, algorithm } of this.#candidates(token)) {
      try {
        const { payload } = await compactVerify(token, key, { algorithms: [algorithm] })
        const claims: unknown = JSON.parse(Buffer.from(payload).toString())
        if (isJsonObject(claims)) return claims
      } catch (error) {
        if (!(error instanceof errors.JOSEError) && !(error instanceof SyntaxError)) throw error
      }
    }
    throw new TokenError('service account token has invalid signature')
  }

  /** The key that the token names, or all when it names none. */
  #candidates(token: string): readonly VerifyingKey[] {
    try {
      const { kid } = decodeProtectedHeader(token)
      return kid === undefined ? this.#keys : this.#keys.filter(({ id }) => id === kid)
    } catch {
      return []
    }
  }
}
