/**
 * Kubernetes' `metav1.Status` as an error: what the API server answers and what the client throws.
 * Reasons and wording: apimachinery's `pkg/api/errors`.
 */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, unknown>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: StatusReason
  readonly details?: StatusDetails
  readonly code: number
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

export interface StatusCause {
  /** A field error type (`FieldValueInvalid`, `FieldValueRequired`, …) or another machine-readable word. */
  readonly reason?: string
  readonly message?: string
  /** Path of the field: `spec.disks[0].size`. */
  readonly field?: string
}

/** The empty reason is for failures that Kubernetes has no word for. */
export type StatusReason =
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'
  | ''

const codes: Record<StatusReason, number> = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Invalid: 422,
  ServerTimeout: 500,
  Timeout: 504,
  TooManyRequests: 429,
  BadRequest: 400,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  InternalError: 500,
  Expired: 410,
  ServiceUnavailable: 503,
  '': 500,
}

/** An API failure with its HTTP code, machine-readable reason and details. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly reason: StatusReason
  readonly code: number
  readonly details: StatusDetails | undefined

  constructor(
    reason: StatusReason,
    message: string,
    options: { details?: StatusDetails; code?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.code = options.code ?? codes[reason]
    this.details = options.details
  }

  /** The object that goes over the wire. */
  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason !== '' && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    }
  }
}

/** Recognises an API failure by its reason, whichever copy of this module made it. */
export function hasReason(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return (
    error instanceof Error && error.name === 'StatusError' && reasons.includes((error as StatusError).reason)
  )
}

export const isNotFound = (error: unknown) => hasReason(error, 'NotFound')
export const isConflict = (error: unknown) => hasReason(error, 'Conflict')
export const isAlreadyExists = (error: unknown) => hasReason(error, 'AlreadyExists')

export interface ResourceRef {
  readonly group: string
  readonly resource: string
}

const qualified = ({ group, resource }: ResourceRef) => (group === '' ? resource : `${resource}.${group}`)
const named = (ref: ResourceRef, name: string): StatusDetails => ({
  name,
  ...(ref.group && { group: ref.group }),
  kind: ref.resource,
})

export function notFound(ref: ResourceRef, name: string): StatusError {
  return new StatusError('NotFound', `${qualified(ref)} "${name}" not found`, { details: named(ref, name) })
}

export function alreadyExists(ref: ResourceRef, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualified(ref)} "${name}" already exists`, {
    details: named(ref, name),
  })
}

export function conflict(ref: ResourceRef, name: string, why: string): StatusError {
  return new StatusError('Conflict', `Operation cannot be fulfilled on ${qualified(ref)} "${name}": ${why}`, {
    details: named(ref, name),
  })
}

/** `causes` are field errors; the message lists them as kube-apiserver does. */
export function invalid(
  kind: { group: string; kind: string },
  name: string,
  causes: readonly StatusCause[],
): StatusError {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`)
  const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const qualifiedKind = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  return new StatusError('Invalid', `${qualifiedKind} "${name}" is invalid: ${list}`, {
    details: { name, ...(kind.group && { group: kind.group }), kind: kind.kind, causes },
  })
}

export function badRequest(message: string): StatusError {
  return new StatusError('BadRequest', message)
}

/** The history a watch or list asked for is gone: list again. */
export function expired(message: string): StatusError {
  return new StatusError('Expired', message)
}
