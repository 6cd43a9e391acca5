import type { Action, Drift, Situation } from './situation.ts'

// A disk that came back is noticed within this.
export const retryResumeMs = 10_000
const busyMs = 1_000

/** What to do with a run that is up: make it what its spec says, and see to what others have changed. */
export function decidePower(situation: Situation): Action {
  const { run, domain, suspendBackoffMs } = situation
  if (domain?.state === 'shutting-down') return { type: 'report-running' }
  if (domain?.stateReason === 'busy') return { type: 'nothing', wakeAfterMs: busyMs }
  // What it looks like counts first from when it is on record that it is up.
  if (run.status?.phase === 'Starting') return { type: 'report-running' }
  if (run.spec.power === 'Suspended')
    return suspendBackoffMs > 0 ? { type: 'nothing', wakeAfterMs: suspendBackoffMs } : { type: 'suspend' }
  return decideStanding(situation)
}

function decideStanding(situation: Situation): Action {
  const { run, domain } = situation
  const definition = definitionDrift(situation)
  if (definition !== undefined && run.spec.drift === 'Revert')
    return { type: 'put-definition', drift: definition }
  const reported = run.spec.drift === 'Report' ? definition : undefined
  return domain?.state === 'paused' ? whilePaused(situation, reported) : whileRunning(situation, reported)
}

function definitionDrift({ definition }: Situation): Drift | undefined {
  if (definition === 'changed') return 'DefinitionChanged'
  return definition === 'missing' ? 'DefinitionRemoved' : undefined
}

/** What this daemon or one before it has made of the machine. */
function madeOf({ run }: Situation): 'Running' | 'Paused' {
  return run.status?.power ?? 'Running'
}

function whileRunning(situation: Situation, drift: Drift | undefined): Action {
  const { power, drift: policy } = situation.run.spec
  if (power === 'Running') return { type: 'report-running', drift }
  if (madeOf(situation) === 'Running') return { type: 'pause' }
  if (policy === 'Revert') return { type: 'pause', reverts: true }
  return { type: 'report-running', drift: policy === 'Report' ? 'PowerChanged' : drift }
}

function whilePaused(situation: Situation, drift: Drift | undefined): Action {
  const { run, domain } = situation
  const { power, drift: policy } = run.spec
  if (domain?.stateReason === 'io-error') return afterIoError(situation, drift)
  if (domain?.stateReason === 'watchdog') return { type: 'report-paused', reason: 'PausedByWatchdog', drift }
  if (power === 'Paused') return { type: 'report-paused', reason: 'Paused', drift }
  if (madeOf(situation) === 'Paused') return { type: 'resume' }
  if (policy === 'Revert') return { type: 'resume', reverts: true }
  return { type: 'report-paused', reason: 'Paused', drift: policy === 'Report' ? 'PowerChanged' : drift }
}

/** Going on repeats what failed: where the disk is back the guest notices nothing, else it stands still again. */
function afterIoError({ run, msSinceResumeTried }: Situation, drift: Drift | undefined): Action {
  if (run.spec.power === 'Paused') return { type: 'report-paused', reason: 'PausedByError', drift }
  const waited = msSinceResumeTried ?? 0
  // The first pass says what happened; the ones after it try.
  if (msSinceResumeTried !== undefined && waited >= retryResumeMs) return { type: 'resume' }
  return { type: 'report-paused', reason: 'PausedByError', drift, wakeAfterMs: retryResumeMs - waited }
}
