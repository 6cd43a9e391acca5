import { StatusError } from '../apimachinery/status-error.ts'
import type { Manifest } from './read-manifests.ts'

/** A refusal, with what was being done and the manifest that asked for it; other errors as they are. */
export function whileDoing(error: unknown, doing: string, manifest: Manifest | undefined): unknown {
  if (manifest === undefined || !(error instanceof StatusError)) return error
  const message = `error when ${doing} ${JSON.stringify(manifest.source)}: ${error.message}`
  const { reason, code, details } = error
  return new StatusError(reason, message, { code, cause: error.cause, ...(details && { details }) })
}
