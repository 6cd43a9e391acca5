import { isDeepStrictEqual } from 'node:util'
import { sleep, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { belongTogether } from './read-key-pair.ts'
import type { ServerCertificates } from './server-certificates.ts'

// Files are replaced by others; our own last for months.
const everyMs = 60_000

export interface CertificateUse {
  readonly use: (next: ServerCertificates) => void
  readonly look: (next: ServerCertificates) => Promise<void>
}

/** The server's certificates, looked after while it runs. */
export class FreshCertificates {
  readonly #load: () => Promise<ServerCertificates>
  #current: ServerCertificates

  private constructor(load: () => Promise<ServerCertificates>, first: ServerCertificates) {
    this.#load = load
    this.#current = first
  }

  /** `load` gives what is good when it is called, and makes anew what is not. */
  static async load(load: () => Promise<ServerCertificates>): Promise<FreshCertificates> {
    return new FreshCertificates(load, await load())
  }

  get current(): ServerCertificates {
    return this.#current
  }

  /**
   * Looks every minute for what was replaced or has to be, until `signal` is aborted: `use` takes over what has changed,
   * `look` is called every time, for what has a life of its own.
   */
  async keep(
    { use, look }: CertificateUse,
    { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
  ): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, everyMs, signal).catch(() => {})
      if (signal.aborted) return
      try {
        const next = await this.#load()
        if (isComplete(next) && !isSame(next, this.#current)) {
          this.#current = next
          use(next)
          log.info('Changed certificates')
        }
        await look(next)
      } catch (error) {
        // What is in use goes on working until its end: there is time to repair whatever it is.
        log.error('Certificates could not be renewed', { error })
      }
    }
  }
}

/** False while somebody is half way through replacing a pair of files. */
function isComplete({ serving, daemonClient }: ServerCertificates): boolean {
  return belongTogether(serving) && (daemonClient === undefined || belongTogether(daemonClient))
}

function isSame(
  { admin: _a, ...one }: ServerCertificates,
  { admin: _b, ...other }: ServerCertificates,
): boolean {
  return isDeepStrictEqual(one, other)
}
