import type { Clock } from '../../apimachinery/clock.ts'
import { textReply, type Reply, type RequestContext } from '../http/exchange.ts'

/** One thing that has to be in order. Throws when it is not; the text stays in the server. */
export interface HealthCheck {
  readonly name: string
  check(signal: AbortSignal): Promise<void>
}

const checkTimeoutMs = 2000

/** Answers `/healthz`, `/livez` and `/readyz`, whole or one check at a time. */
export class Health {
  readonly #checks: Readonly<Record<string, readonly HealthCheck[]>>
  readonly #clock: Clock

  constructor(checks: { live: readonly HealthCheck[]; ready: readonly HealthCheck[] }, clock: Clock) {
    this.#checks = { livez: checks.live, healthz: checks.live, readyz: [...checks.live, ...checks.ready] }
    this.#clock = clock
  }

  /** Undefined when the path is none of these. */
  async handle({ info, query, signal }: RequestContext): Promise<Reply | undefined> {
    const [root = '', only, ...rest] = info.path.split('/').filter(Boolean)
    const checks = Object.hasOwn(this.#checks, root) ? this.#checks[root] : undefined
    if (!checks || rest.length > 0) return undefined
    if (only !== undefined) return await this.#single(checks, only, signal)
    const excluded = new Set(query.getAll('exclude'))
    const asked = checks.filter(({ name }) => !excluded.has(name))
    const results = await Promise.all(asked.map((check) => this.#run(check, signal)))
    const failed = results.includes(false)
    const lines = asked.map(({ name }, index) =>
      results[index] ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`,
    )
    if (failed) return textReply(`${lines.join('')}${root} check failed\n`, 500)
    return textReply(query.has('verbose') ? `${lines.join('')}${root} check passed\n` : 'ok')
  }

  async #single(
    checks: readonly HealthCheck[],
    name: string,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    const check = checks.find((one) => one.name === name)
    if (!check) return undefined
    const ok = await this.#run(check, signal)
    return ok ? textReply('ok') : textReply(`internal server error: ${name} failed: reason withheld\n`, 500)
  }

  async #run(check: HealthCheck, signal: AbortSignal): Promise<boolean> {
    const limit = new AbortController()
    const cancel = this.#clock.after(checkTimeoutMs, () => limit.abort(new Error('the check took too long')))
    const aborted = new Promise<never>((_, reject) => {
      limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true })
    })
    try {
      await Promise.race([check.check(AbortSignal.any([signal, limit.signal])), aborted])
      return true
    } catch {
      return false
    } finally {
      cancel()
    }
  }
}

/** Always in order while the process answers at all. */
export const ping: HealthCheck = { name: 'ping', check: async () => {} }
