import { objectsAt, textAt, type KubeObject } from '../../registry/kube-object.ts'
import { expiryOf } from '../authority.ts'
import { requestState } from './request-state.ts'

const hourMs = 60 * 60 * 1000
/** The answer has long been fetched. */
const answeredMs = hourMs
/** Nobody has looked at it, and whoever asked has asked again. */
const pendingMs = 24 * hourMs

/** When a request stops being of use to anybody, in milliseconds since the epoch. */
export function uselessSince(request: KubeObject): number {
  const { certificate, approved, denied, failed } = requestState(request)
  const answered = denied || failed || (approved && certificate !== '')
  const useless = answered ? Math.max(...decisionTimes(request)) + answeredMs : createdAt(request) + pendingMs
  const expiry = certificate === '' ? undefined : expiryOf(certificate)
  return expiry === undefined ? useless : Math.min(useless, expiry)
}

function decisionTimes(request: KubeObject): number[] {
  const times = objectsAt(request, 'status', 'conditions').map((condition) =>
    Date.parse(textAt(condition, 'lastUpdateTime') || textAt(condition, 'lastTransitionTime')),
  )
  return [createdAt(request), ...times.filter((time) => !Number.isNaN(time))]
}

function createdAt({ metadata }: KubeObject): number {
  const time = Date.parse(metadata.creationTimestamp ?? '')
  return Number.isNaN(time) ? 0 : time
}
