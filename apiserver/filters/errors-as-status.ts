import type { Logger } from '../../apimachinery/log.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { Handler, Reply, RequestContext } from '../http/exchange.ts'

/** Turns what handlers throw into a Status. Anything but a StatusError is a mistake of ours: logged, and told as 500. */
export function withErrorsAsStatus(next: Handler, { log }: { log: Logger }): Handler {
  return async (context) => {
    try {
      return await next(context)
    } catch (error) {
      if (isStatusError(error)) return statusReply(error)
      if (context.signal.aborted) return statusReply(new StatusError('Timeout', 'the request was cut off'))
      log.error('Handling request failed', { ...describe(context), error })
      return statusReply(
        new StatusError('InternalError', 'Internal error occurred: see the log of the API server'),
      )
    }
  }
}

function isStatusError(error: unknown): error is StatusError {
  return error instanceof Error && error.name === 'StatusError'
}

function statusReply(error: StatusError): Reply {
  const object = error.toStatus() as unknown as JsonObject
  const { retryAfterSeconds } = error.details ?? {}
  if (retryAfterSeconds === undefined) return { type: 'object', code: error.code, object }
  return {
    type: 'raw',
    code: error.code,
    headers: { 'content-type': 'application/json', 'retry-after': String(retryAfterSeconds) },
    body: JSON.stringify(object),
  }
}

export function describe({ method, info, auditId, user }: RequestContext): object {
  return { method, path: info.path, auditId, user: user?.name }
}
