import type { Clock } from '../apimachinery/clock.ts'
import { AddressBook } from './addresses/address-book.ts'
import { carriedBy, type HeldAddress, heldBy, namedBy } from './addresses/held-addresses.ts'
import type { Caches } from './caches.ts'
import { isBeingDeleted } from './finalizers.ts'
import { LeaseObservations } from './host/lease-observations.ts'
import { Placements } from './placements.ts'
import { DiskClaims } from './virtual-machine/disk-claims.ts'

/**
 * What this process knows beyond its caches: what it has just decided and they do not show yet, and when it last heard
 * of whom. All of it can be lost: a new process begins with what the caches show.
 */
export interface SharedState {
  readonly addresses: AddressBook
  readonly claims: DiskClaims
  /** Fed by the caller with every change of the runs: `observe`. */
  readonly placements: Placements
  readonly leases: LeaseObservations
}

export function sharedState(caches: Caches, clock: Clock): SharedState {
  const only = (entry: string) => (held: HeldAddress) => (held.entry === entry ? [held.holder] : [])
  return {
    addresses: new AddressBook({
      holding: (entry) => [
        ...caches.machines.byIndex('holdsAddress', entry).flatMap((vm) => heldBy(vm).flatMap(only(entry))),
        ...caches.instances
          .byIndex('holdsAddress', entry)
          .flatMap((run) => carriedBy(run).flatMap(only(entry))),
      ],
      naming: (entry) =>
        caches.machines.byIndex('namesAddress', entry).flatMap((vm) => namedBy(vm).flatMap(only(entry))),
    }),
    claims: new DiskClaims(({ key, uid }) => {
      const vm = caches.machines.get(key)
      return vm?.metadata.uid === uid && vm.spec.power !== 'Stopped' && !isBeingDeleted(vm)
    }),
    placements: new Placements(),
    leases: new LeaseObservations(clock),
  }
}
