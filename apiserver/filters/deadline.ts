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
    const limit = Math.min(requestTimeoutMs, askedMs(context.query.get('timeout')) ?? requestTimeoutMs)
    const cancel = clock.after(limit, () => {
      context.abort(
        new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout'),
      )
    })
    let reply: Reply | undefined
    try {
      reply = await next(context)
    } finally {
      if (reply?.type !== 'stream') cancel()
    }
    return reply.type === 'stream' ? thenCancel(reply, cancel) : reply
  }
}

/** The time runs on while a long answer is written: a client that reads it too slowly is given up as well. */
function thenCancel(reply: StreamReply, cancel: () => void): StreamReply {
  return {
    ...reply,
    async write(response, signal) {
      try {
        await reply.write(response, signal)
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
