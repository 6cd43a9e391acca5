import { isTrue } from '../../../apimachinery/conditions.ts'
import { HostReady } from '../../../crds/v1alpha1/host.ts'
import type { Filter } from '../candidate.ts'

/** Silence counts as not ready: nothing new is placed where nobody is known to listen. */
export const ready: Filter = (_request, { host }) =>
  isTrue(host, HostReady) ? undefined : { one: 'is not ready', many: 'are not ready' }
