import { setCondition } from '../../apimachinery/conditions.ts'
import { type StorageDomain, StorageDomainReady } from '../../crds/v1alpha1/storage-domain.ts'
import { deletionWaits } from '../attachments.ts'
import { removeFinalizer } from '../finalizers.ts'
import { type Step, stop } from '../runtime/reconciler.ts'

/** Held as long as anything is kept in the domain, or is to be. */
export const storageDomainFinalizer = 'kvorum.dev/storage-domain'

export interface DeleteDomainDeps {
  /** How many objects of each kind name the domain: by the noun that is shown. */
  readonly countUsers: (domain: string) => Readonly<Record<'disk' | 'image' | 'machine', number>>
}

/** A domain goes only when nothing is kept in it. */
export function deleteDomain({ countUsers }: DeleteDomainDeps): Step<StorageDomain> {
  return (ctx, domain) => {
    const message = deletionWaits(countUsers(domain.metadata.name))
    if (message === undefined) removeFinalizer(domain, storageDomainFinalizer)
    else
      setCondition(domain, ctx.clock, { type: StorageDomainReady, status: 'False', reason: 'InUse', message })
    return Promise.resolve(stop)
  }
}
