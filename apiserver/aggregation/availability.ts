import { jsonEqual } from '../../apimachinery/patch/json-equal.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { objectsAt, type KubeObject } from '../registry/kube-object.ts'

/** What the condition `Available` says of an APIService. */
export interface Availability {
  readonly status: 'True' | 'False'
  readonly reason: 'Local' | 'Passed' | 'FailedDiscoveryCheck' | 'ServiceNotFound'
  readonly message: string
}

export const localAvailability: Availability = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
}

/** The APIService with the condition; undefined when it says so already. */
export function withAvailability(
  service: KubeObject,
  availability: Availability,
  now: string,
): KubeObject | undefined {
  const conditions = objectsAt(service, 'status', 'conditions')
  const known = conditions.find(({ type }) => type === 'Available')
  const next: JsonObject = { type: 'Available', ...availability }
  const { lastTransitionTime, ...rest } = known ?? {}
  if (jsonEqual(rest, next)) return undefined
  const since = known?.['status'] === availability.status && lastTransitionTime ? lastTransitionTime : now
  const others = conditions.filter((one) => one !== known)
  return { ...service, status: { conditions: [...others, { ...next, lastTransitionTime: since }] } }
}
