import type { ApiResource, Client, ObjectKey } from '../../apimachinery/client/client.ts'
import { hasReason, isNotFound } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import type { Outcome, ReconcileContext, Reconciler } from './reconciler.ts'
import { changesOf, type PassChanges, workingCopy } from './working-copy.ts'

export interface PassDeps<T extends KubeObject> {
  readonly reconciler: Reconciler<T>
  readonly resource: ApiResource<T>
  readonly client: Client
}

/** How a pass ended, what it left in the API included. */
export interface PassEnd {
  readonly ended:
    Outcome | { readonly next: 'failed'; readonly error: unknown } | { readonly next: 'conflict' }
  /** Version of our last write; undefined when nothing was written. */
  readonly written: string | undefined
}

/**
 * One pass over one object: runs the reconciler on a private copy, then writes what it changed, metadata first and
 * then status, each only if nobody changed the object since it was read. Never rejects. A pass that failed leaves its
 * conditions, but neither finalizers nor `observedGeneration`.
 */
export async function reconcilePass<T extends KubeObject>(
  deps: PassDeps<T>,
  ctx: ReconcileContext,
  object: Stored<T>,
): Promise<PassEnd> {
  const write: Write<T> = { deps, ctx, object, written: undefined }
  const copy = workingCopy(object)
  let ended: PassEnd['ended']
  try {
    ended = await deps.reconciler.reconcile(ctx, copy)
  } catch (error) {
    ended = failedWith(error)
  }
  try {
    const failed = ended.next === 'failed' || ended.next === 'conflict'
    if (!failed) answerGeneration(object, copy)
    const changes = changesOf(object, copy)
    await writeChanges(write, failed ? { ...changes, finalizers: undefined } : changes)
  } catch (error) {
    // What went wrong first is what there is to say.
    if (ended.next !== 'failed') ended = failedWith(error)
  }
  return { ended, written: write.written }
}

interface Write<T extends KubeObject> {
  readonly deps: PassDeps<T>
  readonly ctx: ReconcileContext
  readonly object: Stored<T>
  written: string | undefined
}

function failedWith(error: unknown): PassEnd['ended'] {
  return hasReason(error, 'Conflict') ? { next: 'conflict' } : { next: 'failed', error }
}

interface Answering {
  metadata: { generation?: number; finalizers?: string[] }
  status?: { observedGeneration?: number }
}

/** Not when finalizers changed: the pass that they wake has the answer. Kinds without generation have no such field. */
function answerGeneration(object: KubeObject, copy: KubeObject & Answering): void {
  const { generation } = copy.metadata
  if (generation === undefined || changesOfFinalizers(object, copy)) return
  copy.status ??= {}
  copy.status.observedGeneration = generation
}

function changesOfFinalizers(object: KubeObject, copy: KubeObject): boolean {
  return (object.metadata.finalizers ?? []).join() !== (copy.metadata.finalizers ?? []).join()
}

async function writeChanges<T extends KubeObject>(write: Write<T>, changes: PassChanges): Promise<void> {
  let version = write.object.metadata.resourceVersion
  if (changes.finalizers !== undefined) {
    const metadata = { resourceVersion: version, finalizers: changes.finalizers }
    const { metadata: now } = await patch(write, { metadata }, undefined)
    // Its last finalizer gone, so is the object.
    if (now.deletionTimestamp !== undefined && (now.finalizers ?? []).length === 0) return
    version = now.resourceVersion
  }
  if (changes.status === undefined) return
  try {
    await patch(write, { metadata: { resourceVersion: version }, status: changes.status }, 'status')
  } catch (error) {
    // Deleted while we looked at it: there is nobody left to tell.
    if (!isNotFound(error)) throw error
  }
}

async function patch<T extends KubeObject>(
  write: Write<T>,
  body: JsonObject | object,
  subresource: 'status' | undefined,
): Promise<Stored<T>> {
  const { deps, ctx, object } = write
  const { name, namespace } = object.metadata
  const key: ObjectKey = { name, ...(namespace !== undefined && { namespace }) }
  const options = {
    fieldManager: `kvorum-${deps.reconciler.name}`,
    signal: ctx.signal,
    ...(subresource && { subresource }),
  }
  const stored = await deps.client.patch(deps.resource, key, { type: 'merge', body }, options)
  write.written = stored.metadata.resourceVersion
  return stored
}
