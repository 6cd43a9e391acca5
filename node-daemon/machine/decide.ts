import { vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainStateReason } from '../hypervisor/hypervisor.ts'
import { unmetNeed } from './decide-needs.ts'
import { decidePower, retryResumeMs } from './decide-power.ts'
import { decideAsleep, isAsleep } from './decide-sleep.ts'
import type { Action, Situation } from './situation.ts'

// A guest that is busy booting misses the first request.
export const askShutdownEveryMs = 10_000

const busyMs = 1_000
const nothing: Action = { type: 'nothing' }

/**
 * What to do next, from what is wanted and what is seen, and from nothing else: the same after a restart of the
 * daemon as before it. A run starts at most once; after a final phase its domain is only ever taken away.
 */
export function decide(situation: Situation): Action {
  const { run } = situation
  if (isFinal(situation)) return decideEnded(situation)
  if (run.metadata.deletionTimestamp !== undefined) return decideDeleted(situation)
  if (isAsleep(situation)) return decideAsleep(situation, isActive(situation))
  if (isActive(situation)) return decidePower(situation)
  return hasRun(situation) ? { type: 'record-end' } : decideStart(situation)
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
  const begun = hasRun(situation) || isAsleep(situation) || run.status?.phase === 'Starting'
  if (begun) return { type: 'record-end' }
  return domain === undefined ? decideRelease(situation) : { type: 'undefine' }
}

function decideStop(situation: Situation): Action {
  const { run, domain, now, msSinceShutdownAsked } = situation
  const graceMs = run.spec.terminationGracePeriodSeconds * 1000
  // Counted from what is stored, so that a daemon that restarts keeps to the same deadline.
  const remainingMs = Date.parse(run.metadata.deletionTimestamp ?? '') + graceMs - now
  if (graceMs === 0 || !(remainingMs > 0)) return { type: 'destroy' }
  // Between process and file nobody listens; its memory goes with it.
  if (isAsleep(situation)) return { type: 'destroy' }
  if (domain?.state === 'paused') return stopPaused(situation, remainingMs)
  const nextAskMs = msSinceShutdownAsked === undefined ? 0 : askShutdownEveryMs - msSinceShutdownAsked
  if (nextAskMs > 0) return { type: 'nothing', wakeAfterMs: Math.min(nextAskMs, remainingMs) }
  return { type: 'shutdown', wakeAfterMs: Math.min(askShutdownEveryMs, remainingMs) }
}

/** A guest that stands still hears nothing: it goes on first, where it can. */
function stopPaused({ domain, msSinceResumeTried }: Situation, remainingMs: number): Action {
  if (domain?.stateReason === 'busy') return { type: 'nothing', wakeAfterMs: Math.min(busyMs, remainingMs) }
  const retryMs = msSinceResumeTried === undefined ? 0 : retryResumeMs - msSinceResumeTried
  return retryMs > 0 ? { type: 'nothing', wakeAfterMs: Math.min(retryMs, remainingMs) } : { type: 'resume' }
}

function decideStart(situation: Situation): Action {
  const { run, domain, disks, startBackoffMs } = situation
  if (domain !== undefined && run.status?.phase === 'Starting' && ranBefore(domain.stateReason))
    return { type: 'record-end' }
  if (run.metadata.finalizers?.includes(vmiFinalizer) !== true) return { type: 'add-finalizer' }
  // Its machine's controller ends it: there is nothing to suspend.
  if (run.spec.power === 'Suspended') return nothing
  const claimable = disks.flatMap((need) => (need.state === 'claimable' ? [need.disk] : []))
  if (claimable.length > 0) return { type: 'claim-disks', disks: claimable }
  const unmet = unmetNeed(situation)
  if (unmet !== undefined) return unmet
  if (startBackoffMs > 0) return { type: 'nothing', wakeAfterMs: startBackoffMs }
  return { type: 'start' }
}

const endings = new Set<DomainStateReason>([
  'guest-shutdown',
  'destroyed',
  'crashed',
  'panicked',
  'watchdog',
  'saved',
])

/** The domain was started and ended before anybody could write that it ran. A failed or unfinished start says otherwise. */
function ranBefore(reason: DomainStateReason): boolean {
  return endings.has(reason)
}

function isFinal({ run }: Situation): boolean {
  return run.status?.phase === 'Succeeded' || run.status?.phase === 'Failed'
}

/** It is on record that the guest ran. */
function hasRun({ run }: Situation): boolean {
  const phase = run.status?.phase
  return phase === 'Running' || phase === 'Paused' || phase === 'Stopping'
}

/** QEMU is there, whatever it is doing. */
function isActive({ domain }: Situation): boolean {
  return domain?.state === 'running' || domain?.state === 'paused' || domain?.state === 'shutting-down'
}

/** The run has yet to start, or to be brought back, so that its disks and networks matter. */
export function needsResources(situation: Pick<Situation, 'run' | 'domain'>): boolean {
  const whole = situation as Situation
  return (
    situation.run.metadata.deletionTimestamp === undefined &&
    !isFinal(whole) &&
    !(isAsleep(whole) && whole.run.spec.power === 'Suspended') &&
    !hasRun(whole) &&
    !isActive(whole)
  )
}
