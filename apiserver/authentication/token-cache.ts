import { hash } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import { TokenError, type TokenAuthenticator, type TokenBearer } from './token-authenticator.ts'

/** A token's stand-in: as good for finding it, and useless for getting in. */
export function fingerprint(token: string): string {
  return hash('sha256', token, 'base64')
}

/** Remembers as many values as `limit`, the latest used ones. */
export class RecentlyUsed<Value> {
  readonly #limit: number
  readonly #values = new Map<string, Value>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  set(key: string, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size <= this.#limit) return
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest)
      return
    }
  }

  delete(key: string): void {
    this.#values.delete(key)
  }
}

export interface TokenCacheOptions {
  readonly clock: Clock
  /** How long a good token is believed without another look. */
  readonly successMs: number
  /** How long a bad one is refused without another look; 0 looks every time. */
  readonly failureMs: number
  readonly limit?: number
}

interface Remembered {
  readonly until: number
  readonly outcome: Promise<TokenBearer | undefined>
}

const defaultLimit = 4096

/**
 * Spares costly checks for a while. Requests with the same token that come at the same time share one check, and a
 * check that could not be made is forgotten at once.
 */
export function cachedTokens(
  authenticate: TokenAuthenticator,
  { clock, successMs, failureMs, limit = defaultLimit }: TokenCacheOptions,
): TokenAuthenticator {
  const known = new RecentlyUsed<Remembered>(limit)
  return async (token, audiences) => {
    const key = `${fingerprint(token)} ${JSON.stringify(audiences)}`
    const remembered = known.get(key)
    if (remembered && remembered.until > clock.monotonic()) return await remembered.outcome
    const outcome = authenticate(token, audiences)
    const keep = (ms: number) => {
      if (ms > 0) known.set(key, { until: clock.monotonic() + ms, outcome })
      else known.delete(key)
    }
    known.set(key, { until: Number.POSITIVE_INFINITY, outcome })
    try {
      const bearer = await outcome
      keep(bearer ? successMs : failureMs)
      return bearer
    } catch (error) {
      keep(error instanceof TokenError && !error.transient ? failureMs : 0)
      throw error
    }
  }
}
