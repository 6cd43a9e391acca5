import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { Handler } from '../http/exchange.ts'
import type { ServerMetrics } from '../discovery/metrics.ts'
import type { Auditor } from '../audit/auditor.ts'
import { withAudit, withFailedAuthenticationAudit } from './audit.ts'
import { withAuthentication, type Authenticate } from './authentication.ts'
import { withAuthorization } from './authorization.ts'
import { withDeadline } from './deadline.ts'
import { withErrorsAsStatus } from './errors-as-status.ts'
import type { Fairness } from '../fairness/start-fairness.ts'
import { withFairness } from './fairness.ts'
import { withImpersonation } from './impersonation.ts'
import { withInFlightLimit, type InFlightLimits } from './in-flight-limit.ts'
import { withMetrics } from './metrics.ts'

export interface ChainDeps {
  readonly authenticate: Authenticate
  readonly authorizer: Authorizer
  /** Undefined: nothing is written down. */
  readonly auditor?: Auditor | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: ServerMetrics
  /** Instead of the limits, when it is switched on. */
  readonly fairness?: Fairness | undefined
  readonly limits: InFlightLimits
  readonly requestTimeoutMs: number
}

/**
 * What every request passes before and after its handler, outermost last: read it from the bottom for the order in
 * which a request meets the filters.
 */
export function buildChain(handler: Handler, deps: ChainDeps): Handler {
  let chain = handler
  chain = withAuthorization(chain, deps)
  chain = deps.fairness ? withFairness(chain, deps.fairness) : withInFlightLimit(chain, deps)
  chain = withImpersonation(chain, deps)
  chain = withAudit(chain, deps)
  chain = withFailedAuthenticationAudit((inner) => withAuthentication(inner, deps), chain, deps)
  chain = withDeadline(chain, deps)
  chain = withErrorsAsStatus(chain, deps)
  chain = withMetrics(chain, deps)
  return chain
}
