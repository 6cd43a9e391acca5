import type { KubeObject } from '../crds/meta/object-meta.ts'
import { proceed, type Step, stop } from './runtime/reconciler.ts'

/**
 * Nothing may exist outside before the finalizer is stored: the pass ends here when it was not there yet, and our own
 * update wakes us.
 */
export function ensureFinalizer<T extends KubeObject>(finalizer: string): Step<T> {
  return (_ctx, object) => Promise.resolve(addFinalizer(object, finalizer) ? stop : proceed)
}

/** The last step of a deletion: what the finalizer stood for is seen to be gone. */
export function dropFinalizer<T extends KubeObject>(finalizer: string): Step<T> {
  return (_ctx, object) => {
    removeFinalizer(object, finalizer)
    return Promise.resolve(stop)
  }
}

/** False when it was there already. */
export function addFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  if (hasFinalizer({ metadata }, finalizer)) return false
  metadata.finalizers = [...(metadata.finalizers ?? []), finalizer]
  return true
}

export function removeFinalizer({ metadata }: KubeObject, finalizer: string): void {
  if (metadata.finalizers === undefined) return
  metadata.finalizers = metadata.finalizers.filter((name) => name !== finalizer)
}

export function hasFinalizer({ metadata }: Pick<KubeObject, 'metadata'>, finalizer: string): boolean {
  return metadata.finalizers?.includes(finalizer) ?? false
}

export function isBeingDeleted({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return metadata.deletionTimestamp !== undefined
}
