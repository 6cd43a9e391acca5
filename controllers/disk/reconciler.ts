import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import { holdWith, isBeingDeleted } from '../finalizers.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { checkDependencies, type CheckDependenciesDeps } from './check-dependencies.ts'
import {
  diskFinalizer,
  handOver,
  type HandOverDeps,
  waitForRuns,
  type WaitForRunsDeps,
} from './delete-disk.ts'

export interface DiskDeps extends CheckDependenciesDeps, WaitForRunsDeps, HandOverDeps {}

/** Looks after a disk until a host's daemon takes it, and again when it is to be deleted. */
export class DiskReconciler implements Reconciler<Disk> {
  readonly name = 'disk'
  readonly #living: readonly Step<Disk>[]
  readonly #deleting: readonly Step<Disk>[]

  constructor(deps: DiskDeps) {
    this.#living = [holdWith(diskFinalizer), checkDependencies(deps)]
    this.#deleting = [waitForRuns(deps), handOver(deps)]
  }

  reconcile(ctx: ReconcileContext, disk: Stored<Disk>): Promise<Outcome> {
    return runSteps(isBeingDeleted(disk) ? this.#deleting : this.#living, ctx, disk)
  }
}
