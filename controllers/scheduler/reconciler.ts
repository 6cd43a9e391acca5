import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { isBeingDeleted } from '../finalizers.ts'
import type { Instance } from '../instances.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { place, type PlaceDeps } from './place.ts'
import { release, type ReleaseDeps } from './release.ts'

export interface SchedulerDeps extends PlaceDeps, ReleaseDeps {}

/** Gives each run its host. Needs to be the only worker: what it has just placed is known to itself alone. */
export class SchedulerReconciler implements Reconciler<VirtualMachineInstance> {
  readonly name = 'scheduler'
  readonly #living: readonly Step<VirtualMachineInstance>[]
  readonly #deleting: readonly Step<VirtualMachineInstance>[]

  constructor(deps: SchedulerDeps) {
    this.#living = [place(deps)]
    this.#deleting = [release(deps)]
  }

  reconcile(ctx: ReconcileContext, instance: Instance): Promise<Outcome> {
    return runSteps(isBeingDeleted(instance) ? this.#deleting : this.#living, ctx, instance)
  }
}
