import type { Condition } from '../crds/meta/fields.ts'
import type { ObjectMeta } from '../crds/meta/object-meta.ts'
import { type Clock, timestamp } from './clock.ts'

// Long enough for a sentence with names in it; keeps a runaway error text out of etcd.
const maxMessageLength = 1024

export type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

interface WithConditions {
  metadata: ObjectMeta
  status?: { conditions?: Condition[] | undefined } | undefined
}

/**
 * Sets one condition on a working copy. Saying the same again changes nothing, and `lastTransitionTime` moves only
 * with `status`, as the Kubernetes API conventions ask.
 */
export function setCondition(object: WithConditions, clock: Clock, next: NewCondition): void {
  object.status ??= {}
  const conditions = (object.status.conditions ??= [])
  const at = conditions.findIndex(({ type }) => type === next.type)
  const before = conditions[at]
  const condition: Condition = {
    type: next.type,
    status: next.status,
    reason: next.reason,
    message: next.message.slice(0, maxMessageLength),
    lastTransitionTime: before?.status === next.status ? before.lastTransitionTime : timestamp(clock),
    ...(object.metadata.generation !== undefined && { observedGeneration: object.metadata.generation }),
  }
  if (before === undefined) conditions.push(condition)
  else conditions[at] = condition
}

export function getCondition(object: Pick<WithConditions, 'status'>, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type)
}

/** True when the condition is there and says True. */
export function isTrue(object: Pick<WithConditions, 'status'>, type: string): boolean {
  return getCondition(object, type)?.status === 'True'
}
