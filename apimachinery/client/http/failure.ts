import { isJsonObject } from '../../../crds/meta/json.ts'
import { StatusError, type StatusDetails, type StatusReason } from '../../status-error.ts'

// Enough of a foreign page to recognise where it came from.
const maxQuotedLength = 200

/** The answer of a server that did not do what it was asked. */
export function failureOf(
  code: number,
  headers: Readonly<Record<string, unknown>>,
  body: Buffer,
): StatusError {
  const status = statusIn(body)
  const retryAfterSeconds = retryAfter(headers['retry-after'])
  if (status === undefined) {
    const text = body.toString('utf8').trim().slice(0, maxQuotedLength)
    return new StatusError(reasonOf(code), `the server answered ${code}${text && `: ${text}`}`, {
      code,
      ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
    })
  }
  const details = {
    ...status.details,
    ...(retryAfterSeconds !== undefined &&
      status.details?.retryAfterSeconds === undefined && { retryAfterSeconds }),
  }
  return errorOf({ ...status, details }, code)
}

interface LooseStatus {
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: StatusDetails
}

/** The `Status` that a watch sends as its last event. */
export function errorOf(status: LooseStatus, httpCode = 500): StatusError {
  const code = typeof status.code === 'number' && status.code > 0 ? status.code : httpCode
  // Reasons that we do not know stay what they are: callers compare, they do not enumerate.
  const reason = status.reason ? (status.reason as StatusReason) : reasonOf(code)
  const details =
    status.details !== undefined && Object.keys(status.details).length > 0 ? status.details : undefined
  return new StatusError(reason, status.message ?? `the server answered ${code} ${reason}`, {
    code,
    ...(details && { details }),
  })
}

/** The Status in `value`, when it is one. */
export function statusIn(value: unknown): LooseStatus | undefined {
  const parsed = Buffer.isBuffer(value) ? parsedOrNothing(value) : value
  return isJsonObject(parsed) && parsed['kind'] === 'Status' ? (parsed as LooseStatus) : undefined
}

function parsedOrNothing(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

function retryAfter(header: unknown): number | undefined {
  const seconds = typeof header === 'string' ? Number(header) : NaN
  return Number.isInteger(seconds) && seconds >= 0 ? seconds : undefined
}

const reasons: Partial<Record<number, StatusReason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  502: 'ServiceUnavailable',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

function reasonOf(code: number): StatusReason {
  return reasons[code] ?? (code >= 500 ? 'InternalError' : 'BadRequest')
}
