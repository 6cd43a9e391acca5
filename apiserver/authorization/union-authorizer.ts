import type { UserInfo } from '../http/exchange.ts'
import type { Attributes, Authorizer, Decision, GrantedRules } from './authorizer.ts'

/**
 * Asks one authorizer after the other; the first that allows or denies decides, and when none does the answer is no.
 * One that throws has no opinion; when nobody else decided either, `authorize` throws what it threw.
 */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  const [only] = authorizers
  if (only && authorizers.length === 1) return only
  return {
    authorize: (attributes, signal) => firstDecision(authorizers, attributes, signal),
    rulesFor: (user, namespace) => allRules(authorizers, user, namespace),
  }
}

async function firstDecision(
  authorizers: readonly Authorizer[],
  attributes: Attributes,
  signal: AbortSignal,
): Promise<Decision> {
  const reasons: string[] = []
  const failures: Error[] = []
  for (const authorizer of authorizers) {
    try {
      const decision = await authorizer.authorize(attributes, signal)
      if (decision.allowed || decision.denied) return decision
      if (decision.reason !== '') reasons.push(decision.reason)
    } catch (error) {
      signal.throwIfAborted()
      failures.push(error as Error)
    }
  }
  if (failures.length > 1)
    throw new AggregateError(failures, failures.map(({ message }) => message).join(', '))
  if (failures[0]) throw failures[0]
  return { allowed: false, reason: reasons.join('\n') }
}

async function allRules(
  authorizers: readonly Authorizer[],
  user: UserInfo,
  namespace: string,
): Promise<GrantedRules> {
  const granted = await Promise.all(authorizers.map((authorizer) => authorizer.rulesFor(user, namespace)))
  const errors = granted.flatMap(({ evaluationError }) => evaluationError ?? [])
  return {
    rules: granted.flatMap(({ rules }) => rules),
    incomplete: granted.some(({ incomplete }) => incomplete),
    ...(errors.length > 0 && { evaluationError: errors.join(', ') }),
  }
}
