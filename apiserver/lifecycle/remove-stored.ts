import { timestamp, type Clock } from '../../apimachinery/clock.ts'
import { decideDeletion, type DeleteRequest } from '../registry/deletion.ts'
import type { KubeObject } from '../registry/kube-object.ts'
import type { ObjectStore } from '../registry/object-store.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

/** The object is gone, or has made room for another of its name. */
export class GoneError extends Error {
  override readonly name = 'GoneError'
}

/** Deletes an object for the server itself. True when nothing is left of it, false when finalizers hold it. */
export async function removeStored(
  { objects, clock, signal }: { objects: ObjectStore; clock: Clock; signal: AbortSignal },
  definition: ResourceDefinition,
  key: string,
  request: DeleteRequest,
): Promise<boolean> {
  try {
    const { outcome } = await objects.change(
      definition,
      key,
      (current) => {
        if (!current || (request.uid !== undefined && request.uid !== current.metadata.uid))
          throw new GoneError()
        return decideDeletion(definition, current, request, timestamp(clock))
      },
      { dryRun: false, signal },
    )
    return outcome === 'removed'
  } catch (error) {
    if (error instanceof GoneError) return true
    throw error
  }
}

/** Edits an object for the server itself, unless it is gone; removes it when the edit releases it. */
export async function editStored(
  { objects, signal }: { objects: ObjectStore; signal: AbortSignal },
  definition: ResourceDefinition,
  { key, uid }: { key: string; uid: string | undefined },
  edit: (current: KubeObject) => { object: KubeObject; released: boolean },
): Promise<void> {
  try {
    await objects.change(
      definition,
      key,
      (current) => {
        if (!current || current.metadata.uid !== uid) throw new GoneError()
        const { object, released } = edit(current)
        return { type: released ? 'remove' : 'write', object }
      },
      { dryRun: false, signal },
    )
  } catch (error) {
    if (!(error instanceof GoneError)) throw error
  }
}
