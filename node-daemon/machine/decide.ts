import { vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainStateReason } from '../hypervisor/hypervisor.ts'
import type { Action, Situation } from './situation.ts'

// A guest that is busy booting misses the first request.
export const askShutdownEveryMs = 10_000

const nothing: Action = { type: 'nothing' }

/**
 * What to do next, from what is wanted and what is seen, and from nothing else: the same after a restart of the
 * daemon as before it. A run starts at most once; after a final phase its domain is only ever taken away.
 */
export function decide(situation: Situation): Action {
  const { run } = situation
  if (isFinal(situation)) return decideEnded(situation)
  if (run.metadata.deletionTimestamp !== undefined) return decideDeleted(situation)
  if (hasRun(situation)) return isActive(situation) ? { type: 'report-running' } : { type: 'record-end' }
  return isActive(situation) ? { type: 'report-running' } : decideStart(situation)
}

function decideEnded(situation: Situation): Action {
  const { domain, run } = situation
  if (domain !== undefined) return { type: isActive(situation) ? 'destroy' : 'undefine' }
  return run.metadata.deletionTimestamp === undefined ? nothing : decideRelease(situation)
}

function decideRelease({ run }: Situation): Action {
  return run.metadata.finalizers?.includes(vmiFinalizer) === true ? { type: 'release' } : nothing
}

function decideDeleted(situation: Situation): Action {
  const { run, domain } = situation
  if (isActive(situation)) return decideStop(situation)
  const begun = hasRun(situation) || run.status?.phase === 'Starting'
  if (begun) return { type: 'record-end' }
  return domain === undefined ? decideRelease(situation) : { type: 'undefine' }
}

function decideStop({ run, now, msSinceShutdownAsked }: Situation): Action {
  const graceMs = run.spec.terminationGracePeriodSeconds * 1000
  // Counted from what is stored, so that a daemon that restarts keeps to the same deadline.
  const remainingMs = Date.parse(run.metadata.deletionTimestamp ?? '') + graceMs - now
  if (graceMs === 0 || !(remainingMs > 0)) return { type: 'destroy' }
  const nextAskMs = msSinceShutdownAsked === undefined ? 0 : askShutdownEveryMs - msSinceShutdownAsked
  if (nextAskMs > 0) return { type: 'nothing', wakeAfterMs: Math.min(nextAskMs, remainingMs) }
  return { type: 'shutdown', wakeAfterMs: Math.min(askShutdownEveryMs, remainingMs) }
}

function decideStart(situation: Situation): Action {
  const { run, domain, disks, networks, startBackoffMs } = situation
  if (domain !== undefined && run.status?.phase === 'Starting' && ranBefore(domain.stateReason))
    return { type: 'record-end' }
  if (run.metadata.finalizers?.includes(vmiFinalizer) !== true) return { type: 'add-finalizer' }
  const claimable = disks.flatMap((need) => (need.state === 'claimable' ? [need.disk] : []))
  if (claimable.length > 0) return { type: 'claim-disks', disks: claimable }
  const disk = disks.find((need) => need.state === 'waiting')
  if (disk !== undefined) return { type: 'wait', reason: 'WaitingForDisks', message: disk.message }
  const network = networks.find((need) => need.state === 'waiting')
  if (network !== undefined) return { type: 'wait', reason: 'WaitingForNetworks', message: network.message }
  if (startBackoffMs > 0) return { type: 'nothing', wakeAfterMs: startBackoffMs }
  return { type: 'start' }
}

/** The domain was started and ended before anybody could write that it ran. A failed or unfinished start says otherwise. */
function ranBefore(reason: DomainStateReason): boolean {
  return reason === 'guest-shutdown' || reason === 'destroyed' || reason === 'crashed' || reason === 'saved'
}

function isFinal({ run }: Situation): boolean {
  return run.status?.phase === 'Succeeded' || run.status?.phase === 'Failed'
}

/** It is on record that the guest ran. */
function hasRun({ run }: Situation): boolean {
  return run.status?.phase === 'Running' || run.status?.phase === 'Stopping'
}

/** QEMU is there, whatever it is doing. */
function isActive({ domain }: Situation): boolean {
  return domain?.state === 'running' || domain?.state === 'paused' || domain?.state === 'shutting-down'
}

/** The run has yet to start, so that its disks and networks matter. */
export function needsResources(situation: Pick<Situation, 'run' | 'domain'>): boolean {
  const whole = situation as Situation
  return (
    situation.run.metadata.deletionTimestamp === undefined &&
    !isFinal(whole) &&
    !hasRun(whole) &&
    !isActive(whole)
  )
}
