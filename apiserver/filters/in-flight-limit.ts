import { StatusError } from '../../apimachinery/status-error.ts'
import { mastersGroup } from '../authentication/authenticator.ts'
import type { Handler, RequestContext } from '../http/exchange.ts'
import { needsNoUser } from './authentication.ts'

/** How many requests may be worked on at a time. Watches count only while they start. 0: no limit. */
export interface InFlightLimits {
  readonly reading: number
  readonly mutating: number
}

const readingVerbs = new Set(['get', 'list', 'watch', 'head'])

/** Sends away what comes on top of the limits, so that those being served finish. */
export function withInFlightLimit(next: Handler, { limits }: { limits: InFlightLimits }): Handler {
  const working = { reading: 0, mutating: 0 }
  return async (context) => {
    if (isExempt(context)) return await next(context)
    const kind = readingVerbs.has(context.info.verb) ? 'reading' : 'mutating'
    if (limits[kind] > 0 && working[kind] >= limits[kind]) throw tooManyRequests()
    working[kind] += 1
    try {
      return await next(context)
    } finally {
      working[kind] -= 1
    }
  }
}

function isExempt({ info, user }: RequestContext): boolean {
  return needsNoUser(info.path) || user?.groups.includes(mastersGroup) === true
}

function tooManyRequests(): StatusError {
  return new StatusError('TooManyRequests', 'too many requests, please try again later', {
    details: { retryAfterSeconds: 1 },
  })
}
