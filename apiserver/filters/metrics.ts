import type { Clock } from '../../apimachinery/clock.ts'
import type { ServerMetrics } from '../discovery/metrics.ts'
import type { Handler } from '../http/exchange.ts'

/** Counts and times requests by what they were about. */
export function withMetrics(
  next: Handler,
  { clock, metrics }: { clock: Clock; metrics: ServerMetrics },
): Handler {
  return async (context) => {
    const started = clock.monotonic()
    const done = metrics.begin(context.info)
    let code = 500
    try {
      const reply = await next(context)
      code = reply.code
      return reply
    } finally {
      done(code, (clock.monotonic() - started) / 1000)
    }
  }
}
