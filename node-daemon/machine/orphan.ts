import type { DomainOwner } from '../hypervisor/domain-spec.ts'
import type { ObservedDomain } from '../hypervisor/hypervisor.ts'
import type { MachineDeps } from './machine-deps.ts'

const notSeenYetMs = 1_000
const elsewhereMs = 30_000

/**
 * A domain whose run is not in the informer. It is taken away only when the server itself says that the run is gone
 * and this installation is on record for having started it; anything else stays as it is. Call after the informer
 * has synced.
 */
export async function removeOrphan(
  domain: ObservedDomain,
  owner: DomainOwner,
  deps: Pick<MachineDeps, 'runs' | 'records' | 'hypervisor' | 'hostName' | 'log' | 'guests' | 'diskUse'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const live = await deps.runs.getLive(owner, signal)
  const fields = { domain: domain.name, namespace: owner.namespace, name: owner.name, uid: owner.uid }
  if (live?.metadata.uid === owner.uid) {
    if (live.spec.hostName === deps.hostName) return notSeenYetMs
    deps.log.error('Machine runs here, but its run is placed elsewhere: left alone', {
      ...fields,
      placedOn: live.spec.hostName,
    })
    return elsewhereMs
  }
  if ((await deps.records.get(owner.uid)) === undefined) {
    deps.log.debug('Machine of another installation: left alone', fields)
    return undefined
  }
  deps.log.warn('Removing machine whose run is gone', fields)
  await deps.hypervisor.destroyDomain(domain.uuid, signal)
  await deps.hypervisor.undefineDomain(domain.uuid, signal)
  await deps.records.remove(owner.uid)
  deps.guests.forget(domain.uuid)
  deps.diskUse.release(owner.uid)
  return undefined
}
