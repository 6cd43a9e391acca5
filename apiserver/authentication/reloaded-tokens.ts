import type { Clock } from '../../apimachinery/clock.ts'
import { sleep } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { anyOfTokens, type TokenAuthenticator } from './token-authenticator.ts'

export interface ReloadedTokensDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Ends the looking. */
  readonly signal: AbortSignal
  /** The configuration as it is now. */
  readonly read: () => Promise<string>
  /** What follows from a configuration. Throws for one that cannot work. `signal` ends what it starts. */
  readonly build: (source: string, signal: AbortSignal) => readonly TokenAuthenticator[]
}

const pauseMs = 30_000

/**
 * Tokens by a configuration that may change while the server runs. A change that cannot be read or cannot work is told
 * in the log, and what was known before stays. Throws when the first configuration cannot work.
 */
export function reloadedTokens(first: string, deps: ReloadedTokensDeps): TokenAuthenticator {
  const { clock, log, signal, read, build } = deps
  let known = first
  let ending = new AbortController()
  let tokens = anyOfTokens(build(first, ending.signal))
  signal.addEventListener('abort', () => ending.abort(), { once: true })

  async function lookOnce(): Promise<void> {
    const source = await read()
    if (source === known) return
    // A faulty one is told once, not every time.
    known = source
    const next = new AbortController()
    tokens = anyOfTokens(build(source, next.signal))
    ending.abort()
    ending = next
    log.info('Authentication configuration reloaded')
  }

  async function look(): Promise<void> {
    for (;;) {
      await sleep(clock, pauseMs, signal)
      try {
        await lookOnce()
      } catch (error) {
        log.error('Authentication configuration not reloaded', { error })
      }
    }
  }
  look().catch((error: unknown) => {
    if (!signal.aborted) log.error('Looking at the authentication configuration ended', { error })
  })
  return (token, audiences) => tokens(token, audiences)
}
