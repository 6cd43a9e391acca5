import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Authorizer } from '../authorization/authorizer.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import type { AdmissionPlugin } from './admission.ts'

export interface AdmissionDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: Logger
  /** Ends what plugins follow. */
  readonly signal: AbortSignal
}

/** All plugins in the order in which they run; resolves when each knows what it has to. */
export async function admissionPlugins(_deps: AdmissionDeps): Promise<AdmissionPlugin[]> {
  return []
}
