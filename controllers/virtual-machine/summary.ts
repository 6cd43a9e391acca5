import { getCondition, isTrue } from '../../apimachinery/conditions.ts'
import { HostReady } from '../../crds/v1alpha1/host.ts'
import {
  RunEndReason,
  VmiGuestAgent,
  VmiReady,
  VmiScheduled,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import {
  type VirtualMachineStatus,
  VmDisksReady,
  VmNetworksReady,
  VmReadyReason,
} from '../../crds/v1alpha1/virtual-machine.ts'
import { isBeingDeleted } from '../finalizers.ts'
import { type Instance, isFinished } from '../instances.ts'
import { isHeld } from './delete-machine.ts'
import { followOf, runEndOf } from './decide.ts'
import type { Machine } from './machine.ts'
import type { ConditionAnswer, ReportSituation } from './report-situation.ts'

export interface Summary {
  readonly phase: NonNullable<VirtualMachineStatus['phase']>
  readonly ready: ConditionAnswer
}

/** The phase and the condition Ready: what the machine is doing, in one word and in one sentence. */
export function summarise(situation: ReportSituation): Summary {
  const { vm } = situation
  if (!isHeld(vm)) return summariseUnheld(situation)
  const { deletionTimestamp: _held, ...metadata } = vm.metadata
  const { phase } = summariseUnheld({ ...situation, vm: { ...vm, metadata } })
  return notReady(phase, 'Protected', VmReadyReason.Protected)
}

function summariseUnheld(situation: ReportSituation): Summary {
  const { vm, instance, foreign } = situation
  if (foreign !== undefined) return besideForeign(foreign)
  if (instance === undefined) return withoutRun(situation)
  if (isFinished(instance)) return afterRun(situation, instance)
  if (isBeingDeleted(vm) || vm.spec.power === 'Stopped' || isBeingDeleted(instance)) {
    return notReady('Stopping', 'Stopping', 'The guest is being shut down')
  }
  return duringRun(situation, instance)
}

function besideForeign(foreign: Instance): Summary {
  const message = isBeingDeleted(foreign)
    ? `The run of an earlier machine of this name is still ending`
    : `VirtualMachineInstance ${foreign.metadata.name} exists and is no run of this machine`
  return notReady('Pending', 'InstanceNotOwned', message)
}

function withoutRun({ vm, waitMs }: ReportSituation): Summary {
  if (isBeingDeleted(vm)) return notReady('Stopped', 'Stopped', 'The machine is being deleted')
  if (vm.spec.power === 'Stopped')
    return notReady('Stopped', 'Stopped', 'The machine is stopped, as its spec says')
  if (vm.spec.power === 'Suspended')
    return notReady('Stopped', 'Stopped', 'The machine does not run, so that there is nothing to suspend')
  const missing = missingDependency(vm)
  if (missing !== undefined) return missing
  if (waitMs > 0) {
    const { restarts = 0, nextStartAt, lastRun } = vm.status ?? {}
    const message = `Ended ${restarts} times in a row, at last with ${lastRun?.reason ?? 'Unknown'}; starts again at ${nextStartAt}`
    return notReady('BackOff', 'BackOff', message)
  }
  return notReady('Scheduling', 'WaitingForHost', 'No host has been chosen yet')
}

function missingDependency(vm: Machine): Summary | undefined {
  for (const [type, reason] of [
    [VmNetworksReady, 'WaitingForNetworks'],
    [VmDisksReady, 'WaitingForDisks'],
  ] as const) {
    const condition = getCondition(vm, type)
    if (condition === undefined) return notReady('Pending', reason, 'Not looked at yet')
    if (condition.status === 'False') return notReady('Pending', reason, condition.message)
  }
  return undefined
}

function afterRun(situation: ReportSituation, instance: Instance): Summary {
  const { vm } = situation
  const end = runEndOf(instance.status?.reason)
  const why = (instance.status?.message ?? RunEndReason[end]).replace(/\.$/, '')
  switch (followOf(vm.spec.power, vm.spec.restartPolicy, end)) {
    case 'Stop':
      return withoutRun(situation)
    case 'StayStopped':
      return notReady(
        'Stopped',
        'GuestShutdown',
        `${why}; set power to Stopped and back to Running to start it again`,
      )
    case 'StayFailed':
      return notReady(
        'Failed',
        'Crashed',
        `${why}; set power to Stopped and back to Running to start it again`,
      )
    case 'Start':
    case 'Restart':
      return withoutRun(situation)
  }
}

// What the host's daemon says about a run that is not up, in words of the machine.
const hostReasons = new Map<string, keyof typeof VmReadyReason>([
  ['StartFailed', 'StartFailed'],
  ['WaitingForDisks', 'WaitingForDisks'],
  ['WaitingForNetworks', 'WaitingForNetworks'],
  ['Paused', 'Paused'],
  ['PausedByError', 'PausedByError'],
  ['PausedByWatchdog', 'PausedByWatchdog'],
  ['Suspending', 'Suspending'],
  ['SuspendFailed', 'SuspendFailed'],
  ['Suspended', 'Suspended'],
  ['Resuming', 'Resuming'],
  ['ResumeFailed', 'ResumeFailed'],
])

function withoutHost(instance: Instance): Summary {
  const asked = getCondition(instance, VmiScheduled)
  return asked?.reason === 'FragmentsForbidden'
    ? notReady('Scheduling', 'FragmentsForbidden', asked.message)
    : notReady('Scheduling', 'WaitingForHost', 'No host has been chosen yet')
}

function duringRun({ vm, host }: ReportSituation, instance: Instance): Summary {
  const { hostName } = instance.spec
  if (hostName === undefined) return withoutHost(instance)
  const phase = instance.status?.phase
  if (host === undefined || getCondition(host, HostReady)?.status === 'Unknown') {
    const keeps = phase === 'Running' || phase === 'Stopping' || isStill(phase)
    return unknown(keeps ? phase : 'Starting', hostName)
  }
  if (phase === 'Running') return running(vm, instance, hostName)
  if (isStill(phase)) return standing(phase, instance)
  if (phase === 'Stopping') return notReady('Stopping', 'Stopping', 'The guest is shutting down')
  return starting(instance, hostName)
}

type Still = 'Paused' | 'Suspending' | 'Suspended' | 'Resuming'

function isStill(phase: string | undefined): phase is Still {
  return phase === 'Paused' || phase === 'Suspending' || phase === 'Suspended' || phase === 'Resuming'
}

/** The guest stands still; its host says why. */
function standing(phase: Still, instance: Instance): Summary {
  const said = getCondition(instance, VmiReady)
  const reason = said && hostReasons.get(said.reason)
  return reason === undefined
    ? notReady(phase, phase, VmReadyReason[phase])
    : notReady(phase, reason, said?.message ?? '')
}

function starting(instance: Instance, hostName: string): Summary {
  const said = getCondition(instance, VmiReady)
  const reason = said && hostReasons.get(said.reason)
  return reason === undefined
    ? notReady('Starting', 'Starting', `Starting on ${hostName}`)
    : notReady('Starting', reason, said?.message ?? '')
}

function running(vm: Machine, instance: Instance, hostName: string): Summary {
  const message = `Running on ${hostName}`
  const said = getCondition(instance, VmiReady)
  if (said?.reason === 'SuspendFailed') return notReady('Running', 'SuspendFailed', said.message)
  if (vm.spec.readiness === 'GuestAgent') {
    const addresses = instance.status?.interfaces?.flatMap(({ ipAddresses }) => ipAddresses ?? []) ?? []
    if (!isTrue(instance, VmiGuestAgent) || addresses.length === 0) {
      return notReady('Running', 'WaitingForGuestAgent', 'The guest agent has not reported an address yet')
    }
  }
  return { phase: 'Running', ready: { status: 'True', reason: 'Running', message } }
}

function unknown(phase: Summary['phase'], hostName: string): Summary {
  const message = `Host ${hostName} has not been heard from; whether the machine runs is unknown`
  return { phase, ready: { status: 'Unknown', reason: 'HostUnreachable', message } }
}

function notReady(phase: Summary['phase'], reason: keyof typeof VmReadyReason, message: string): Summary {
  return { phase, ready: { status: 'False', reason, message } }
}
