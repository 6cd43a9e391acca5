import { isBeingDeleted } from '../../finalizers.ts'
import type { Filter } from '../candidate.ts'

/** Its operator lets new runs in. */
export const schedulable: Filter = (_request, { host }) =>
  host.spec.schedulable && !isBeingDeleted(host)
    ? undefined
    : { one: 'is not schedulable', many: 'are not schedulable' }
