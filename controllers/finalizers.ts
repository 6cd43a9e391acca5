import type { KubeObject } from '../crds/meta/object-meta.ts'
import { proceed, type Step } from './runtime/reconciler.ts'

/**
 * Makes sure of the finalizer and goes on: metadata is written before status, and only what a pass writes into status
 * lets anybody else make something outside.
 */
export function holdWith<T extends KubeObject>(finalizer: string): Step<T> {
  return (_ctx, object) => {
    addFinalizer(object, finalizer)
    return Promise.resolve(proceed)
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
