import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'

/**
 * Every expected way a step can end. Anything unexpected is thrown, logged once by the runtime and retried
 * with back-off.
 */
export type Outcome =
  | { readonly next: 'continue' }
  /** Done for now; a watch event will wake us. */
  | { readonly next: 'stop' }
  /** Nothing is wrong; look again later. */
  | { readonly next: 'retry'; readonly afterMs: number }
  /** The spec cannot work; wait for a new generation. */
  | { readonly next: 'stalled' }

export const proceed: Outcome = { next: 'continue' }
export const stop: Outcome = { next: 'stop' }
export const stalled: Outcome = { next: 'stalled' }
export const retryAfter = (afterMs: number): Outcome => ({ next: 'retry', afterMs })

export interface ReconcileContext {
  /** Bound to controller, object and this pass. */
  readonly log: Logger
  readonly clock: Clock
  readonly events: EventRecorder
  readonly signal: AbortSignal
}

/**
 * One question answered about one object. It may change the private copy it is given (metadata.finalizers and status;
 * never spec) and talks to the world only through functions it was constructed with.
 */
export type Step<T extends KubeObject> = (ctx: ReconcileContext, object: Stored<T>) => Promise<Outcome>

export interface Reconciler<T extends KubeObject> {
  readonly name: string
  reconcile(ctx: ReconcileContext, object: Stored<T>): Promise<Outcome>
}

/** Runs steps in order until one says otherwise than `continue`; the order is the documentation. */
export async function runSteps<T extends KubeObject>(
  steps: readonly Step<T>[],
  ctx: ReconcileContext,
  object: Stored<T>,
): Promise<Outcome> {
  for (const step of steps) {
    const outcome = await step(ctx, object)
    if (outcome.next !== 'continue') return outcome
  }
  return proceed
}
