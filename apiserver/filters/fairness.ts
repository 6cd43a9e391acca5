import { StatusError } from '../../apimachinery/status-error.ts'
import { anonymousUser, unauthenticatedGroup } from '../authentication/authenticator.ts'
import { RefusedError, type Release } from '../fairness/fair-queues.ts'
import type { Fairness } from '../fairness/start-fairness.ts'
import type { Handler, Reply, RequestContext, StreamReply } from '../http/exchange.ts'

/** Lets every priority level have its share; what comes on top waits in fair queues, or is sent away. */
export function withFairness(next: Handler, { dispatcher, width }: Fairness): Handler {
  return async (context) => {
    const { info, query, signal, response } = context
    const flow = dispatcher.classify({ user: userOf(context), info })
    response.setHeader('x-kubernetes-pf-flowschema-uid', flow.schema.uid)
    response.setHeader('x-kubernetes-pf-prioritylevel-uid', flow.levelUid)
    const seats = Math.min(flow.maxSeats, await width(info, query, signal))
    const release = await flow.acquire(seats, signal).catch((error: unknown) => {
      throw error instanceof RefusedError ? refusal(error, signal) : error
    })
    let reply: Reply | undefined
    try {
      reply = await next(context)
    } finally {
      if (reply?.type !== 'stream') release()
    }
    return reply.type === 'stream' ? thenRelease(reply, release) : reply
  }
}

/** Probes come without a user; they are sorted like others whom nobody knows. */
function userOf({ user }: RequestContext) {
  return user ?? { name: anonymousUser, groups: [unauthenticatedGroup] }
}

function refusal({ reason }: RefusedError, signal: AbortSignal): unknown {
  if (reason === 'cancelled') return signal.reason
  return new StatusError('TooManyRequests', 'too many requests, please try again later', {
    details: { retryAfterSeconds: 1 },
  })
}

/** A list keeps its seats until it is written, a watch until what is there at its beginning is. */
function thenRelease(reply: StreamReply, release: Release): StreamReply {
  return {
    ...reply,
    async write(response, signal) {
      void reply.begun?.then(release)
      try {
        await reply.write(response, signal)
      } finally {
        release()
      }
    },
  }
}
