import { SignJWT, type JWTPayload } from 'jose'
import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../../crds/meta/json.ts'
import { userNameOf, type AccountName } from './names.ts'
import type { SigningKey } from './signing-keys.ts'

export interface ObjectId {
  readonly name: string
  readonly uid: string
}

export interface TokenContents {
  readonly account: AccountName & { readonly uid: string }
  readonly audiences: readonly string[]
  /** Seconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** The Secret that the token dies with. */
  readonly secret: ObjectId | undefined
}

/** The issuer of tokens that are kept in Secrets, as it has been called since before there were others. */
export const legacyIssuer = 'kubernetes/serviceaccount'

/** Makes service-account tokens. */
export class TokenIssuer {
  readonly #issuer: string
  readonly #key: SigningKey

  constructor(issuer: string, key: SigningKey) {
    this.#issuer = issuer
    this.#key = key
  }

  /** A token that expires; `id` names it in audits. */
  async issue(contents: TokenContents): Promise<{ token: string; id: string }> {
    const { account, audiences, issuedAt, expiresAt, secret } = contents
    const id = randomUUID()
    const token = await this.#sign({
      aud: [...audiences],
      exp: expiresAt,
      iat: issuedAt,
      iss: this.#issuer,
      jti: id,
      'kubernetes.io': {
        namespace: account.namespace,
        ...(secret && { secret: { name: secret.name, uid: secret.uid } }),
        serviceaccount: { name: account.name, uid: account.uid },
      } satisfies JsonObject,
      nbf: issuedAt,
      sub: userNameOf(account),
    })
    return { token, id }
  }

  /** A token that lives as long as the Secret it is kept in. */
  async issueForSecret(account: AccountName & { readonly uid: string }, secretName: string): Promise<string> {
    return await this.#sign({
      iss: legacyIssuer,
      'kubernetes.io/serviceaccount/namespace': account.namespace,
      'kubernetes.io/serviceaccount/secret.name': secretName,
      'kubernetes.io/serviceaccount/service-account.name': account.name,
      'kubernetes.io/serviceaccount/service-account.uid': account.uid,
      sub: userNameOf(account),
    })
  }

  async #sign(claims: JWTPayload): Promise<string> {
    const { id, algorithm, key } = this.#key
    return await new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: id }).sign(key)
  }
}
