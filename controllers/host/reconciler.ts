import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { checkLease, type CheckLeaseDeps } from './check-lease.ts'

/** Watches over the life signs of a host; what the host is like, its daemon says. */
export class HostReconciler implements Reconciler<Host> {
  readonly name = 'host'
  readonly #steps: readonly Step<Host>[]

  constructor(deps: CheckLeaseDeps) {
    this.#steps = [checkLease(deps)]
  }

  reconcile(ctx: ReconcileContext, host: Stored<Host>): Promise<Outcome> {
    return runSteps(this.#steps, ctx, host)
  }
}
