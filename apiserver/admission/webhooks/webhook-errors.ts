import {
  badRequest,
  StatusError,
  type Status,
  type StatusReason,
} from '../../../apimachinery/status-error.ts'
import type { JsonObject } from '../../../crds/meta/json.ts'
import { at, textAt } from '../../registry/kube-object.ts'
import { causesOf } from './review.ts'

/** A webhook gave no usable answer: its failurePolicy says what that means. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure'

  constructor(webhook: string, why: string, cause: unknown) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`, { cause })
  }
}

/** A refusal by a webhook, in the code and with the reason that it chose. */
class Denial extends StatusError {
  readonly #reason: string

  constructor(message: string, status: JsonObject | undefined, code: number) {
    const reason = textAt(status, 'reason')
    const causes = causesOf(status)
    const details = causes.length > 0 ? { details: { causes } } : {}
    super((reason || 'BadRequest') as StatusReason, message, { code, ...details })
    this.#reason = reason
  }

  override toStatus(): Status {
    const { reason, ...status } = super.toStatus()
    return this.#reason === '' || reason === undefined ? status : { ...status, reason }
  }
}

/** What a client is told of a refusal. */
export function denialOf(webhook: string, status: JsonObject | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`
  const said = textAt(status, 'message') || textAt(status, 'reason')
  const code = at(status, 'code')
  const message = said === '' ? `${denied} without explanation` : `${denied}: ${said}`
  return new Denial(message, status, typeof code === 'number' && code >= 400 && code < 600 ? code : 400)
}

export function dryRunUnsupported(webhook: string): StatusError {
  return badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`)
}

/** Kubernetes' words for what went wrong on this side of the API. */
export function internalError(message: string, cause?: unknown): StatusError {
  return new StatusError('InternalError', `Internal error occurred: ${message}`, {
    details: { causes: [{ message }] },
    cause,
  })
}
