import { getCondition, type NewCondition, setCondition } from '../../apimachinery/conditions.ts'
import { type Clock, timestamp } from '../../apimachinery/clock.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import {
  type VirtualMachineInstance,
  type VirtualMachineInstanceStatus,
  VmiDrifted,
  VmiDriftedReason,
  VmiGuestAgent,
  VmiReady,
  type VmiReadyReason,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { GuestState } from './guest-watch.ts'
import { guestStatus, interfaceStatus } from './guest-status.ts'
import { type EndOfRun, isSuccess } from './run-end.ts'
import type { Drift } from './situation.ts'

type Run = Stored<VirtualMachineInstance>
type Phase = NonNullable<VirtualMachineInstanceStatus['phase']>

/*
 * Each function answers the status that a run should have; none changes what it is given. Said twice, they say the
 * same, so that nothing is written.
 */

export interface NotReady {
  readonly phase: Phase
  readonly reason: keyof typeof VmiReadyReason
  readonly message: string
}

export function notReadyStatus(run: Run, clock: Clock, why: NotReady): VirtualMachineInstanceStatus {
  const ready = { type: VmiReady, status: 'False', reason: why.reason, message: why.message } as const
  return withConditions(run, clock, { ...observed(run), phase: why.phase }, [ready])
}

export function runningStatus(run: Run, clock: Clock, guest: GuestState): VirtualMachineInstanceStatus {
  const interfaces = interfaceStatus(run.spec.interfaces, guest.facts?.interfaces ?? [])
  const told = guest.facts && guestStatus(guest.facts)
  const { savedMemory: _used, ...kept } = observed(run)
  const status: VirtualMachineInstanceStatus = {
    ...kept,
    phase: 'Running',
    startedAt: run.status?.startedAt ?? timestamp(clock),
    // What a guest said last stays while its agent is silent: addresses do not change because an agent restarts.
    ...(guest.facts === undefined && run.status?.interfaces !== undefined ? {} : { interfaces }),
    ...(told && { guest: told }),
  }
  const ready = { type: VmiReady, status: 'True', reason: 'Running', message: 'The machine runs' } as const
  // A daemon that has just restarted has not asked yet: what its predecessor knew stands until it has.
  const keep = guest.connected === undefined && getCondition(run, VmiGuestAgent) !== undefined
  return withConditions(
    run,
    clock,
    status,
    keep ? [ready] : [ready, agentCondition(guest.connected === true)],
  )
}

function agentCondition(connected: boolean): NewCondition {
  return connected
    ? { type: VmiGuestAgent, status: 'True', reason: 'Connected', message: 'The guest agent answers' }
    : { type: VmiGuestAgent, status: 'False', reason: 'NotConnected', message: 'No guest agent answers' }
}

export function stoppingStatus(run: Run, clock: Clock): VirtualMachineInstanceStatus {
  return notReadyStatus(run, clock, {
    phase: 'Stopping',
    reason: 'Stopping',
    message: 'The guest was asked to shut down',
  })
}

/** Its memory stays on the host; what the guest said last does too. */
export function pausedStatus(
  run: Run,
  clock: Clock,
  reason: 'Paused' | 'PausedByError' | 'PausedByWatchdog',
): VirtualMachineInstanceStatus {
  const { savedMemory: _used, ...kept } = observed(run)
  const status = { ...kept, phase: 'Paused' as const, startedAt: run.status?.startedAt ?? timestamp(clock) }
  const message = pauseMessages[reason]
  return withConditions(run, clock, status, [{ type: VmiReady, status: 'False', reason, message }])
}

const pauseMessages = {
  Paused: 'The machine is paused',
  PausedByError: 'A disk of the machine failed: it is paused, and tried again every ten seconds',
  PausedByWatchdog: 'The guest stopped feeding its watchdog, which paused the machine',
}

/** On the way to sleep, asleep, or on the way back, with what is known about the file. */
export function asleepStatus(
  run: Run,
  clock: Clock,
  why: NotReady,
  savedMemory: VirtualMachineInstanceStatus['savedMemory'],
): VirtualMachineInstanceStatus {
  const status = { ...observed(run), phase: why.phase, ...(savedMemory && { savedMemory }) }
  return withConditions(run, clock, status, [
    { type: VmiReady, status: 'False', reason: why.reason, message: why.message },
    ...(why.phase === 'Suspended' ? [agentCondition(false)] : []),
  ])
}

/** The machine goes on although it was to be suspended. */
export function suspendFailedStatus(run: Run, clock: Clock, message: string): VirtualMachineInstanceStatus {
  const { savedMemory: _none, ...kept } = observed(run)
  const ready = { type: VmiReady, status: 'False', reason: 'SuspendFailed', message } as const
  return withConditions(run, clock, { ...kept, phase: 'Running' }, [ready])
}

/** Adds what was found changed; says that nothing is only where something was before. */
export function withDrift(
  run: Run,
  clock: Clock,
  status: VirtualMachineInstanceStatus,
  drift: Drift | undefined,
): VirtualMachineInstanceStatus {
  if (drift === undefined && getCondition(run, VmiDrifted)?.status !== 'True') return status
  const reason = drift ?? 'AsDeclared'
  const condition = { reason, message: VmiDriftedReason[reason].replace(/\.$/, '') }
  return withConditions(run, clock, status, [
    { type: VmiDrifted, status: drift === undefined ? 'False' : 'True', ...condition },
  ])
}

export function endedStatus(run: Run, clock: Clock, end: EndOfRun): VirtualMachineInstanceStatus {
  const { savedMemory: _removed, ...kept } = observed(run)
  const status: VirtualMachineInstanceStatus = {
    ...kept,
    phase: isSuccess(end.reason) ? 'Succeeded' : 'Failed',
    reason: end.reason,
    message: end.message,
    finishedAt: timestamp(clock),
  }
  return withConditions(run, clock, status, [
    { type: VmiReady, status: 'False', reason: 'Ended', message: end.message },
    { type: VmiGuestAgent, status: 'False', reason: 'NotConnected', message: 'The machine does not run' },
  ])
}

function observed(run: Run): VirtualMachineInstanceStatus {
  const { generation } = run.metadata
  return { ...run.status, ...(generation !== undefined && { observedGeneration: generation }) }
}

function withConditions(
  run: Run,
  clock: Clock,
  status: VirtualMachineInstanceStatus,
  conditions: readonly NewCondition[],
): VirtualMachineInstanceStatus {
  const copy = {
    metadata: run.metadata,
    status: { ...status, conditions: structuredClone(status.conditions ?? []) },
  }
  for (const condition of conditions) setCondition(copy, clock, condition)
  return copy.status
}
