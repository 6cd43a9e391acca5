import type { Clock } from '../../apimachinery/clock.ts'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { Handler, Reply, StreamReply } from '../http/exchange.ts'

/** Gives up on requests that take too long; watches keep their own time. `timeout=32s` in the query can shorten it. */
export function withDeadline(
  next: Handler,
  { clock, requestTimeoutMs }: { clock: Clock; requestTimeoutMs: number },
): Handler {
  return async (context) => {
    if (context.info.verb === 'watch') return await next(context)
    const deadline = new AbortController()
    const limit = Math.min(requestTimeoutMs, askedMs(context.query.get('timeout')) ?? requestTimeoutMs)
    const cancel = clock.after(limit, () => {
      deadline.abort(
        new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout'),
      )
    })
    const signal = AbortSignal.any([context.signal, deadline.signal])
    let reply: Reply | undefined
    try {
      reply = await next({ ...context, signal })
    } finally {
      if (reply?.type !== 'stream') cancel()
    }
    return reply.type === 'stream' ? untilDeadline(reply, deadline.signal, cancel) : reply
  }
}

/** A client that reads a long answer too slowly is given up as well. */
function untilDeadline(reply: StreamReply, deadline: AbortSignal, cancel: () => void): StreamReply {
  return {
    ...reply,
    async write(response, signal) {
      try {
        await reply.write(response, AbortSignal.any([signal, deadline]))
      } finally {
        cancel()
      }
    },
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function askedMs(text: string | null): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text ?? '')
  const unit = unitMs[match?.[2] ?? '']
  const asked = unit === undefined ? 0 : Number(match?.[1]) * unit
  return asked > 0 ? asked : undefined
}
