import type { JsonObject } from '../../../crds/meta/json.ts'
import { objectAt, textAt, type KubeObject } from '../kube-object.ts'
import { hasCondition, setCondition } from './crd-conditions.ts'
import { approvalOf, isProtectedGroup } from './crd-approval.ts'
import { decideNames, hasItsNames } from './crd-names.ts'

/** The status of a CRD beside the `others` of its group at the time `now`; the same object when nothing changes. */
export function statusOf(crd: KubeObject, others: readonly KubeObject[], now: string): JsonObject {
  const current = objectAt(crd, 'status')
  const named =
    hasItsNames(crd) && hasCondition(current, 'NamesAccepted') ? current : withNames(crd, others, now)
  return withApproval(crd, established(named, now), now)
}

function withNames(crd: KubeObject, others: readonly KubeObject[], now: string): JsonObject {
  const { accepted, conflict } = decideNames(crd, others)
  const status: JsonObject = { ...objectAt(crd, 'status'), acceptedNames: accepted }
  if (conflict === undefined) {
    return setCondition(status, now, {
      type: 'NamesAccepted',
      status: 'True',
      reason: 'NoConflicts',
      message: 'no conflicts found',
    })
  }
  const refused = setCondition(status, now, { type: 'NamesAccepted', status: 'False', ...conflict })
  if (hasCondition(status, 'Established')) return refused
  return setCondition(refused, now, {
    type: 'Established',
    status: 'False',
    reason: 'NotAccepted',
    message: 'not all names are accepted',
  })
}

/** Once established, a kind stays so: what it may not have any more are only new names. */
function established(status: JsonObject, now: string): JsonObject {
  if (hasCondition(status, 'Established') || !hasCondition(status, 'NamesAccepted')) return status
  return setCondition(status, now, {
    type: 'Established',
    status: 'True',
    reason: 'InitialNamesAccepted',
    message: 'the initial names have been accepted',
  })
}

function withApproval(crd: KubeObject, status: JsonObject, now: string): JsonObject {
  if (!isProtectedGroup(textAt(crd, 'spec', 'group'))) return status
  const { state, reason } = approvalOf(crd)
  const reasons = {
    approved: 'ApprovedAnnotation',
    bypassed: 'UnapprovedAnnotation',
    invalid: 'InvalidAnnotation',
    missing: 'MissingAnnotation',
  } as const
  return setCondition(status, now, {
    type: 'KubernetesAPIApprovalPolicyConformant',
    status: state === 'approved' ? 'True' : 'False',
    reason: reasons[state],
    message: reason,
  })
}
