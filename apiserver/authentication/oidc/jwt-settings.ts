/** Whose JSON Web Tokens are believed, and what becomes of their claims: one entry of AuthenticationConfiguration. */
export interface JwtSettings {
  readonly issuer: {
    /** What tokens say, letter by letter; an https URL. */
    readonly url: string
    /** Where the provider describes itself, when that does not follow from the URL. */
    readonly discoveryUrl?: string | undefined
    /** Authorities of the provider, PEM; those of the system when left out. */
    readonly certificateAuthority?: string | undefined
    /** A token has to be meant for one of them. */
    readonly audiences: readonly string[]
  }
  readonly algorithms: readonly string[]
  readonly claimRules: readonly ClaimRule[]
  readonly claims: {
    readonly username: ClaimSource
    readonly groups?: ClaimSource | undefined
    readonly uid?: ClaimSource | undefined
    readonly extra: readonly { readonly key: string; readonly expression: string }[]
  }
  readonly userRules: readonly ExpressionRule[]
}

/** A claim with something put before it, or an expression over `claims`. */
export type ClaimSource =
  { readonly claim: string; readonly prefix: string } | { readonly expression: string }

export type ClaimRule = { readonly claim: string; readonly value: string } | ExpressionRule

/** What has to be true, and what is said when it is not. */
export interface ExpressionRule {
  readonly expression: string
  readonly message: string
}

/** Signatures that may be allowed: those with a key pair. */
export const signingAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
] as const
