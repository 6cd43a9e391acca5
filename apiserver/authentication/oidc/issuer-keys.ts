import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import { getJson } from './get-json.ts'
import type { JwtSettings } from './jwt-settings.ts'

/** What finds the key for a token's header. Throws JWKSNoMatchingKey. */
export type KeySet = ReturnType<typeof createLocalJWKSet>

export interface IssuerKeysDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Keys are asked for again this long after the last time, whether or not any is missing. */
const maxAgeMs = 10 * 60_000
/** Tokens of unknown keys make the server ask again, but not more often than this. */
const minPauseMs = 5000

const discovery = z.object({
  issuer: z.string(),
  jwks_uri: z.url({ protocol: /^https$/, error: 'must be an https URL' }),
})
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) })

/**
 * The public keys of a provider. They are fetched when they are first needed, renewed now and then, and kept when the
 * provider cannot be reached: it may be down at the start and at any time later.
 */
export class IssuerKeys {
  readonly #issuer: JwtSettings['issuer']
  readonly #deps: IssuerKeysDeps
  #known: { readonly keys: KeySet; readonly at: number } | undefined
  #asked: { readonly outcome: Promise<void>; readonly at: number } | undefined

  constructor(issuer: JwtSettings['issuer'], deps: IssuerKeysDeps) {
    this.#issuer = issuer
    this.#deps = deps
  }

  /** The keys as far as they are known; undefined while the provider has never been reached. */
  async current(): Promise<KeySet | undefined> {
    const { clock } = this.#deps
    if (!this.#known) await this.#ask()
    else if (clock.monotonic() - this.#known.at > maxAgeMs) {
      // Nobody waits for keys that are most likely the same.
      void this.#ask()
    }
    return this.#known?.keys
  }

  /** The keys after another look, because one is missing; the known ones when it is too early for that. */
  async renewed(): Promise<KeySet | undefined> {
    await this.#ask()
    return this.#known?.keys
  }

  /** One question at a time, with a pause after each. */
  async #ask(): Promise<void> {
    const now = this.#deps.clock.monotonic()
    if (!this.#asked || now - this.#asked.at >= minPauseMs) {
      this.#asked = { outcome: this.#fetch(), at: now }
    }
    await this.#asked.outcome
  }

  async #fetch(): Promise<void> {
    const { log, signal, clock } = this.#deps
    const { url } = this.#issuer
    try {
      const from = { ca: this.#issuer.certificateAuthority, clock, signal }
      const address =
        this.#issuer.discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`
      const document = discovery.parse(await getJson(address, from))
      if (document.issuer !== url) {
        throw new Error(`the provider calls itself ${JSON.stringify(document.issuer)}`)
      }
      const keys = keySet.parse(await getJson(document.jwks_uri, from))
      this.#known = { keys: createLocalJWKSet(keys as JSONWebKeySet), at: clock.monotonic() }
    } catch (error) {
      if (!signal.aborted) log.warn('Fetching the keys of a token issuer failed', { issuer: url, error })
    }
  }
}
