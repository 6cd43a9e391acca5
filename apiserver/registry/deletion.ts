import { conflict } from '../../apimachinery/status-error.ts'
import { withOwnMeta, type KubeObject } from './kube-object.ts'
import type { Change } from './object-store.ts'
import type { ResourceDefinition } from './resource-definition.ts'

export const orphanFinalizer = 'orphan'
export const foregroundFinalizer = 'foregroundDeletion'

export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan'

export interface DeleteRequest {
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagationPolicy?: PropagationPolicy
}

/**
 * Decides what deleting `current` means: gone at once, or marked and left to whoever owns a finalizer.
 * Throws Conflict when a precondition does not hold.
 */
export function decideDeletion(
  definition: ResourceDefinition,
  current: KubeObject,
  request: DeleteRequest,
  now: string,
): Change {
  checkPreconditions(definition, current, request)
  const object = withOwnMeta(current)
  const finalizers = wantedFinalizers(current.metadata.finalizers ?? [], request.propagationPolicy)
  if (finalizers.length > 0) object.metadata.finalizers = finalizers
  else delete object.metadata.finalizers
  const alreadyMarked = current.metadata.deletionTimestamp !== undefined
  if (!alreadyMarked) {
    object.metadata.deletionTimestamp = now
    object.metadata.deletionGracePeriodSeconds = 0
    if (current.metadata.generation !== undefined)
      object.metadata.generation = current.metadata.generation + 1
    definition.strategy.beginDeletion(object)
  }
  return isReleased(definition, object) ? { type: 'remove', object: current } : { type: 'write', object }
}

/** True when the last thing that held up a deletion has just gone. */
export function isReleased(definition: ResourceDefinition, object: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0) return false
  return !definition.strategy.holdsDeletion(object)
}

function wantedFinalizers(current: readonly string[], policy: PropagationPolicy | undefined): string[] {
  if (policy === undefined) return [...current]
  const others = current.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer)
  if (policy === 'Orphan') return [...others, orphanFinalizer]
  if (policy === 'Foreground') return [...others, foregroundFinalizer]
  return others
}

function checkPreconditions(
  { group, kind }: ResourceDefinition,
  { metadata }: KubeObject,
  { uid, resourceVersion }: DeleteRequest,
): void {
  const ref = { group, resource: kind }
  if (uid !== undefined && uid !== metadata.uid) {
    throw conflict(
      ref,
      metadata.name ?? '',
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). ` +
        'The object might have been deleted and then recreated',
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      ref,
      metadata.name ?? '',
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record ` +
        `(${metadata.resourceVersion}). The object might have been modified`,
    )
  }
}
