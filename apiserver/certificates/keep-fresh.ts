import { isDeepStrictEqual } from 'node:util'
import { sleep, type Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { belongTogether } from './read-key-pair.ts'
import type { ServerCertificates } from './server-certificates.ts'

export interface FreshCertificates {
  /** What is good now; makes anew what is not. */
  readonly load: () => Promise<ServerCertificates>
  /** Takes over what has changed. */
  readonly use: (next: ServerCertificates) => Promise<void>
}

// Files are replaced by others; our own last for months.
const everyMs = 60_000

/** Looks every minute for certificates that have been replaced or have to be, until `signal` is aborted. */
export async function keepFresh(
  { load, use }: FreshCertificates,
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
  first: ServerCertificates,
): Promise<void> {
  let current = first
  while (!signal.aborted) {
    await sleep(clock, everyMs, signal).catch(() => {})
    if (signal.aborted) return
    try {
      const next = await load()
      if (!isComplete(next) || isSame(next, current)) continue
      current = next
      await use(next)
      log.info('Changed certificates')
    } catch (error) {
      // What is in use goes on working until its end: there is time to repair whatever it is.
      log.error('Certificates could not be renewed', { error })
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
