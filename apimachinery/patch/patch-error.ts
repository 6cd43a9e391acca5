import { badRequest, StatusError } from '../status-error.ts'

/** The patch itself is not well-formed: 400. */
export function malformedPatch(why: string): StatusError {
  return badRequest(`error decoding patch: ${why}`)
}

/**
 * The patch is well-formed and does not fit the document: 422 with Kubernetes' message, and what exactly is wrong as
 * the cause, which kubectl prints.
 */
export function patchDoesNotApply(why: string): StatusError {
  return new StatusError('Invalid', 'the server rejected our request due to an error in our request', {
    details: { causes: [{ reason: 'FieldValueInvalid', message: why, field: 'patch' }] },
  })
}
