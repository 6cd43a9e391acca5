import { StatusError, type Status } from '../../apimachinery/status-error.ts'

/** A 500 without a reason: how Kubernetes answers when a webhook that it depends on fails. */
export class FailedCallError extends StatusError {
  constructor(message: string, cause?: unknown) {
    super('InternalError', message, { cause })
  }

  override toStatus(): Status {
    const { reason: _, ...status } = super.toStatus()
    return status
  }
}
