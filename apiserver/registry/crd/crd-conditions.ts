import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectsAt, textAt } from '../kube-object.ts'

export interface CrdCondition {
  readonly type: 'NamesAccepted' | 'Established' | 'Terminating' | 'KubernetesAPIApprovalPolicyConformant'
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** The status with the condition set; the status itself when it says so already. */
export function setCondition(status: JsonObject, now: string, condition: CrdCondition): JsonObject {
  const conditions = objectsAt(status, 'conditions')
  const known = conditions.find(({ type }) => type === condition.type)
  const same = (name: 'status' | 'reason' | 'message') => known && textAt(known, name) === condition[name]
  if (same('status') && same('reason') && same('message')) return status
  const lastTransitionTime = same('status') ? (known?.['lastTransitionTime'] ?? now) : now
  const next = { lastTransitionTime, ...condition }
  return {
    ...status,
    conditions: known ? conditions.map((one) => (one === known ? next : one)) : [...conditions, next],
  }
}

export function hasCondition(status: JsonObject, type: CrdCondition['type']): boolean {
  return objectsAt(status, 'conditions').some((one) => one['type'] === type && one['status'] === 'True')
}
