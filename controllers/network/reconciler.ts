import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Network } from '../../crds/v1alpha1/network.ts'
import { holdWith, isBeingDeleted } from '../finalizers.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { collectHosts, type CollectHostsDeps } from './collect-hosts.ts'
import { deleteNetwork, type DeleteNetworkDeps, networkFinalizer } from './delete-network.ts'

export interface NetworkDeps extends CollectHostsDeps, DeleteNetworkDeps {}

/** Shows a network as its hosts have it. */
export class NetworkReconciler implements Reconciler<Network> {
  readonly name = 'network'
  readonly #living: readonly Step<Network>[]
  readonly #deleting: readonly Step<Network>[]

  constructor(deps: NetworkDeps) {
    this.#living = [holdWith(networkFinalizer), collectHosts(deps)]
    this.#deleting = [deleteNetwork(deps)]
  }

  reconcile(ctx: ReconcileContext, network: Stored<Network>): Promise<Outcome> {
    return runSteps(isBeingDeleted(network) ? this.#deleting : this.#living, ctx, network)
  }
}
