import type { Lease } from '../../apimachinery/client/resources.ts'
import { getCondition, setCondition } from '../../apimachinery/conditions.ts'
import { type Host, HostReady } from '../../crds/v1alpha1/host.ts'
import { retryAfter, type Step, stop } from '../runtime/reconciler.ts'
import type { LeaseObservations } from './lease-observations.ts'

export interface CheckLeaseDeps {
  readonly leases: LeaseObservations
  readonly getLease: (hostName: string) => Lease | undefined
  /** From the server; undefined when there is none. */
  readonly readLease: (hostName: string) => Promise<Lease | undefined>
}

/**
 * Marks a host from which nothing has been heard for the length of its lease: Ready becomes Unknown. Everything else
 * about Ready is the daemon's to say, and so is the way back.
 */
export function checkLease({ leases, getLease, readLease }: CheckLeaseDeps): Step<Host> {
  return async (ctx, host) => {
    const { name } = host.metadata
    leases.observe(name, getLease(name))
    if (leases.remainingMs(name) > 0) return retryAfter(leases.remainingMs(name))
    // It may be we who were not listening: a process that was stopped wakes with an old cache and a clock that went on.
    const lease = await readLease(name)
    if (leases.observe(name, lease)) return retryAfter(leases.remainingMs(name))

    if (getCondition(host, HostReady)?.reason !== 'LeaseExpired') {
      ctx.log.warn('Host lease expired')
      ctx.events.warning(host, 'LeaseExpired', messageFor(lease))
    }
    setCondition(host, ctx.clock, {
      type: HostReady,
      status: 'Unknown',
      reason: 'LeaseExpired',
      message: messageFor(lease),
    })
    return stop
  }
}

function messageFor(lease: Lease | undefined): string {
  if (lease === undefined) return 'No daemon has reported for this host'
  const { leaseDurationSeconds } = lease.spec
  return `The daemon has not renewed its lease of ${leaseDurationSeconds ?? 'unknown'} seconds; what runs on the host is unknown`
}
