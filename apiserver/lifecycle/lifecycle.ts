import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import { GarbageCollector } from './garbage-collector.ts'
import { NamespaceEmptier } from './namespace-emptier.ts'

export interface LifecycleDeps {
  readonly objects: ObjectStore
  readonly resources: ResourceMap
  readonly clock: Clock
  readonly log: Logger
  /** Ends everything. */
  readonly signal: AbortSignal
}

/** Starts what finishes deletions: of namespaces with their contents, and of what other objects own. */
export async function startLifecycle(deps: LifecycleDeps): Promise<void> {
  await new NamespaceEmptier(deps).start()
  await new GarbageCollector(deps).start()
}
