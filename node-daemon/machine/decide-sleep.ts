import { decidePower } from './decide-power.ts'
import { unmetNeed } from './decide-needs.ts'
import type { Action, Situation } from './situation.ts'

const busyMs = 1_000

/** The run is falling asleep, sleeps, or wakes up: between its process and a file with its memory. */
export function isAsleep({ run }: Pick<Situation, 'run'>): boolean {
  const phase = run.status?.phase
  return phase === 'Suspending' || phase === 'Suspended' || phase === 'Resuming'
}

/** `active`: its process is there. Only a file that was written to its end counts as memory. */
export function decideAsleep(situation: Situation, active: boolean): Action {
  const phase = situation.run.status?.phase
  if (phase === 'Suspending') return active ? whileSaving(situation) : afterSaving(situation)
  if (phase === 'Resuming') return active ? whileRestoring(situation) : beforeRestoring(situation)
  return active ? { type: 'abandon-memory' } : whileSuspended(situation)
}

function whileSaving(situation: Situation): Action {
  // A daemon before this one asked for it, and libvirt goes on with it.
  if (situation.domain?.stateReason === 'busy') return { type: 'nothing', wakeAfterMs: busyMs }
  return decidePower(situation)
}

function afterSaving({ memory }: Situation): Action {
  return { type: memory === 'complete' ? 'record-suspended' : 'record-end' }
}

function whileSuspended(situation: Situation): Action {
  if (situation.run.spec.power === 'Suspended') return { type: 'nothing' }
  const unmet = unmetNeed(situation)
  if (unmet !== undefined) return unmet
  // Only now, with its storage at hand, is it certain that the file is not there.
  if (situation.memory !== 'complete') return { type: 'record-end' }
  if (situation.startBackoffMs > 0) return { type: 'nothing', wakeAfterMs: situation.startBackoffMs }
  return { type: 'restore' }
}

/** What was restored stands still for as long as its file is there: it has not touched its disks. */
function whileRestoring({ domain, memory }: Situation): Action {
  const touched = domain?.state !== 'paused' && memory === 'complete'
  return { type: touched ? 'abandon-memory' : 'finish-restore' }
}

function beforeRestoring(situation: Situation): Action {
  if (situation.run.spec.power === 'Suspended' && situation.memory === 'complete')
    return { type: 'record-suspended' }
  const unmet = unmetNeed(situation)
  if (unmet !== undefined) return unmet
  // Without its file the guest had gone on, and has ended since.
  if (situation.memory !== 'complete') return { type: 'record-end' }
  if (situation.startBackoffMs > 0) return { type: 'nothing', wakeAfterMs: situation.startBackoffMs }
  return { type: 'restore' }
}
