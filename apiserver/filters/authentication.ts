import type { IncomingMessage } from 'node:http'
import type { Handler, UserInfo } from '../http/exchange.ts'

/** Throws Unauthorized when nobody known asks. */
export type Authenticate = (request: IncomingMessage) => Promise<UserInfo>

/** Probes come from programs that have no credentials. */
export function needsNoUser(path: string): boolean {
  return /^\/(healthz|livez|readyz)(\/|$)/.test(path)
}

/** Finds out who asks. */
export function withAuthentication(next: Handler, { authenticate }: { authenticate: Authenticate }): Handler {
  return async (context) => {
    if (needsNoUser(context.info.path)) return await next(context)
    const user = await authenticate(context.request)
    return await next({ ...context, user })
  }
}
