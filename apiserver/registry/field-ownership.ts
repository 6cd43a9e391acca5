import type { KubeObject } from './kube-object.ts'
import type { ResourceDefinition } from './resource-definition.ts'

/** Who writes what, for the bookkeeping in `metadata.managedFields`. */
export interface OwnershipRequest {
  readonly definition: ResourceDefinition
  readonly current: KubeObject | undefined
  readonly manager: string
  /** Name of the subresource written through, or the empty string. */
  readonly subresource: string
  readonly now: string
}

/** Keeps `metadata.managedFields`. Objects are never changed in place. */
export interface FieldOwnership {
  /** `next` with managedFields that tell what `manager` has changed. */
  afterUpdate(request: OwnershipRequest, next: KubeObject): KubeObject
  /**
   * What applying `configuration` makes of the current object, managedFields included. Throws Conflict, naming owners
   * and fields, unless `force` is set.
   */
  apply(request: OwnershipRequest, configuration: KubeObject, force: boolean): KubeObject
}
