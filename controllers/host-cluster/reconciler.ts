import type { Stored } from '../../crds/meta/object-meta.ts'
import type { HostCluster } from '../../crds/v1alpha1/host-cluster.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { sumUp, type SumUpDeps } from './sum-up.ts'

/** Keeps a cluster's totals. */
export class HostClusterReconciler implements Reconciler<HostCluster> {
  readonly name = 'host-cluster'
  readonly #steps: readonly Step<HostCluster>[]

  constructor(deps: SumUpDeps) {
    this.#steps = [sumUp(deps)]
  }

  reconcile(ctx: ReconcileContext, cluster: Stored<HostCluster>): Promise<Outcome> {
    return runSteps(this.#steps, ctx, cluster)
  }
}
