import { StatusError } from '../../apimachinery/status-error.ts'
import type { FieldOwnership } from './field-ownership.ts'

/** Keeps no ownership yet. */
export const fieldOwnership: FieldOwnership = {
  afterUpdate: (_request, next) => next,
  apply() {
    throw new StatusError('UnsupportedMediaType', 'server-side apply is not available')
  },
}
