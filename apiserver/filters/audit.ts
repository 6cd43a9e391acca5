import { StatusError } from '../../apimachinery/status-error.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { Auditor } from '../audit/auditor.ts'
import { captureBody } from '../audit/capture-body.ts'
import type { Handler, Reply, RequestContext, StreamReply } from '../http/exchange.ts'

/** Writes down what is asked and answered, as far as the audit policy wants it. */
export function withAudit(next: Handler, { auditor }: { auditor?: Auditor | undefined }): Handler {
  if (!auditor) return next
  return async (context) => {
    const trail = auditor.begin(context)
    if (!trail) return await next(context)
    trail.received()
    let reply: Reply
    try {
      reply = await next({ ...context, audit: trail })
    } catch (error) {
      tellFailure(trail, context, error)
      throw error
    }
    if (reply.type === 'stream') return followed(trail, context, reply)
    trail.completed(reply)
    return reply
  }
}

/** Writes down who could not be recognised; stands around authentication, and sees its failures alone. */
export function withFailedAuthenticationAudit(
  authenticated: (inner: Handler) => Handler,
  inner: Handler,
  { auditor }: { auditor?: Auditor | undefined },
): Handler {
  if (!auditor) return authenticated(inner)
  const passed = new WeakSet<RequestContext['request']>()
  const chain = authenticated(async (context) => {
    passed.add(context.request)
    return await inner(context)
  })
  return async (context) => {
    try {
      return await chain(context)
    } catch (error) {
      if (error instanceof StatusError && error.reason === 'Unauthorized' && !passed.has(context.request)) {
        auditor.begin(context)?.unauthenticated(attempted(context), error.code)
      }
      throw error
    }
  }
}

function tellFailure(trail: AuditTrail, { signal }: RequestContext, error: unknown): void {
  if (error instanceof StatusError) trail.failed(error)
  else if (signal.aborted)
    trail.failed(new StatusError('Timeout', 'the request was cut off', { cause: error }))
  else trail.panicked(error)
}

/** A body that is written piece by piece is complete when it is written. */
function followed(trail: AuditTrail, { info }: RequestContext, reply: StreamReply): StreamReply {
  return {
    ...reply,
    async write(response, signal) {
      const isWatch = info.verb === 'watch'
      if (isWatch) trail.started(reply.code)
      const body = !isWatch && trail.wantsResponse ? captureBody(response) : undefined
      try {
        await reply.write(response, signal)
      } finally {
        trail.completed(reply, body?.())
      }
    },
  }
}

function attempted({ request }: RequestContext): string {
  const scheme = /^(basic|bearer)\s+\S/i.exec(request.headers.authorization?.trim() ?? '')?.[1]
  return scheme === undefined
    ? 'Authentication failed, no credentials provided'
    : `Authentication failed, attempted: ${scheme.toLowerCase()}`
}
