import type { Stored } from '../../crds/meta/object-meta.ts'
import type { StorageDomain } from '../../crds/v1alpha1/storage-domain.ts'
import { holdWith, isBeingDeleted } from '../finalizers.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { collectHosts, type CollectHostsDeps } from './collect-hosts.ts'
import { deleteDomain, type DeleteDomainDeps, storageDomainFinalizer } from './delete-domain.ts'

export interface StorageDomainDeps extends CollectHostsDeps, DeleteDomainDeps {}

/** Shows a domain as its hosts see it. */
export class StorageDomainReconciler implements Reconciler<StorageDomain> {
  readonly name = 'storage-domain'
  readonly #living: readonly Step<StorageDomain>[]
  readonly #deleting: readonly Step<StorageDomain>[]

  constructor(deps: StorageDomainDeps) {
    this.#living = [holdWith(storageDomainFinalizer), collectHosts(deps)]
    this.#deleting = [deleteDomain(deps)]
  }

  reconcile(ctx: ReconcileContext, domain: Stored<StorageDomain>): Promise<Outcome> {
    return runSteps(isBeingDeleted(domain) ? this.#deleting : this.#living, ctx, domain)
  }
}
