import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import { getCondition } from '../../apimachinery/conditions.ts'
import type { Condition } from '../../crds/meta/fields.ts'
import {
  type VirtualMachineStatus,
  VmDisksReady,
  VmDrifted,
  VmNetworksReady,
  VmReady,
  VmRestartRequired,
  VmScheduled,
} from '../../crds/v1alpha1/virtual-machine.ts'
import type { Machine } from './machine.ts'

/** One line of `kubectl describe vm`. */
export interface Telling {
  readonly type: 'normal' | 'warning'
  readonly reason: string
  readonly note: string
}

type Status = VirtualMachineStatus | undefined

/** Tells what a pass has changed. */
export function tell(events: EventRecorder, vm: Machine, before: Status): void {
  for (const { type, reason, note } of storyOf(before, vm.status)) events[type](vm, reason, note)
}

/** What is worth telling about the way from one status to the next: nothing when they are equal. */
export function storyOf(before: Status, after: Status): Telling[] {
  return [
    ...[VmDisksReady, VmNetworksReady, VmScheduled, VmReady, VmRestartRequired, VmDrifted].flatMap((type) => {
      const [was, is] = [conditionIn(before, type), conditionIn(after, type)]
      return is === undefined || (was?.reason === is.reason && was.message === is.message)
        ? []
        : aboutCondition(was, is)
    }),
    ...aboutRuns(before, after),
  ]
}

function conditionIn(status: Status, type: string): Condition | undefined {
  return getCondition({ status }, type)
}

// Short stations on the way up, told by the phase or by the object that they are about.
const untold = new Set([
  'DiskPending',
  'DiskDeleting',
  'NotRequested',
  'WaitingForDependencies',
  'WaitingForScheduler',
  'BackOff',
])
// Their messages count or name progress, and may change often.
const toldOnce = new Set(['ImageNotReady', 'NoHostFits'])
const readyWarnings = new Set([
  'StartFailed',
  'InstanceNotOwned',
  'HostUnreachable',
  'PausedByError',
  'PausedByWatchdog',
  'SuspendFailed',
  'ResumeFailed',
  'Protected',
])

function aboutCondition(was: Condition | undefined, is: Condition): Telling[] {
  const { reason, message: note } = is
  if (untold.has(reason) || (toldOnce.has(reason) && was?.reason === reason)) return []
  const type = typeOf(is)
  return type === undefined ? [] : [{ type, reason, note }]
}

/** Undefined for what is not worth a line. */
function typeOf({ type, status, reason }: Condition): Telling['type'] | undefined {
  if (type === VmReady) return readyWarnings.has(reason) ? 'warning' : undefined
  if (type === VmDrifted) return status === 'True' ? 'warning' : undefined
  const worthIt = type === VmRestartRequired || type === VmScheduled
  if (status === 'True') return worthIt ? 'normal' : undefined
  if (type === VmRestartRequired) return undefined
  return reason === 'ImageNotReady' ? 'normal' : 'warning'
}

function aboutRuns(before: Status, after: Status): Telling[] {
  if (after?.phase === undefined) return []
  const ended = hasNewEnd(before, after)
  if (after.phase === before?.phase && !ended) return []
  const { reason = after.phase, message: note = '' } = conditionIn(after, VmReady) ?? {}
  return tellers[after.phase]({ after, ended, reason, note, isNew: before?.phase === undefined })
}

function hasNewEnd(before: Status, { lastRun }: NonNullable<Status>): boolean {
  return lastRun !== undefined && lastRun.uid !== before?.lastRun?.uid
}

interface Turn {
  readonly after: NonNullable<Status>
  /** A run's end was recorded in this pass. */
  readonly ended: boolean
  /** Reason and message of the condition Ready. */
  readonly reason: string
  readonly note: string
  readonly isNew: boolean
}

const onTheWayUp = ({ after, ended }: Turn): Telling[] => (ended ? [restarting(after)] : [])

const tellers: Record<NonNullable<VirtualMachineStatus['phase']>, (turn: Turn) => Telling[]> = {
  Pending: onTheWayUp,
  Scheduling: onTheWayUp,
  Starting: onTheWayUp,
  Running: ({ after }) => [{ type: 'normal', reason: 'Started', note: `Running on ${after.hostName}` }],
  Paused: ({ reason, note }) => (readyWarnings.has(reason) ? [] : [{ type: 'normal', reason, note }]),
  Suspending: ({ note }) => [{ type: 'normal', reason: 'Suspending', note }],
  Suspended: ({ reason, note }) => (readyWarnings.has(reason) ? [] : [{ type: 'normal', reason, note }]),
  Resuming: () => [],
  Stopping: ({ note }) => [{ type: 'normal', reason: 'Stopping', note }],
  // A machine that was never up has no story to end.
  Stopped: ({ reason, note, isNew }) => (isNew ? [] : [{ type: 'normal', reason, note }]),
  Failed: ({ note }) => [{ type: 'warning', reason: 'Crashed', note }],
  BackOff: ({ ended, note }) => (ended ? [{ type: 'warning', reason: 'BackOff', note }] : []),
}

function restarting({ lastRun }: NonNullable<Status>): Telling {
  const type = lastRun?.reason === 'Requested' || lastRun?.reason === 'GuestShutdown' ? 'normal' : 'warning'
  const message = lastRun?.message === undefined ? '' : `: ${lastRun.message}`
  return {
    type,
    reason: 'Restarting',
    note: `The run ended with ${lastRun?.reason}${message}; the next one follows`,
  }
}
