import { StatusError } from '../../apimachinery/status-error.ts'
import type { AdmissionRequest } from '../admission/admission.ts'

/** Forbidden, worded as Kubernetes words what admission refuses. */
export function refusal({ definition, name, object }: AdmissionRequest, why: string): StatusError {
  const { group, plural } = definition
  const resource = group === '' ? plural : `${plural}.${group}`
  const shown = name || (object?.metadata.name ?? object?.metadata.generateName ?? '')
  return new StatusError('Forbidden', `${resource} ${JSON.stringify(shown)} is forbidden: ${why}`, {
    details: { name: shown, ...(group && { group }), kind: plural },
  })
}
