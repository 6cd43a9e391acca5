import { getCondition, isTrue } from '../../apimachinery/conditions.ts'
import { VmiScheduled } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { VmDisksReady, VmNetworksReady } from '../../crds/v1alpha1/virtual-machine.ts'
import { isFinished } from '../instances.ts'
import type { ConditionAnswer, ReportSituation } from './report-situation.ts'

/** The condition Scheduled: the scheduler's answer about the run, or why there is no run to ask about. */
export function scheduledOf({ vm, instance, waitMs }: ReportSituation): ConditionAnswer {
  if (instance !== undefined && !isFinished(instance)) {
    if (instance.spec.hostName !== undefined) {
      return { status: 'True', reason: 'HostAssigned', message: `Assigned to ${instance.spec.hostName}` }
    }
    const asked = getCondition(instance, VmiScheduled)
    return asked === undefined
      ? {
          status: 'False',
          reason: 'WaitingForScheduler',
          message: 'The scheduler has not looked at the run yet',
        }
      : { status: 'False', reason: asked.reason, message: asked.message }
  }
  if (vm.spec.power === 'Stopped' || vm.spec.power === 'Suspended' || instance !== undefined) {
    return { status: 'False', reason: 'NotRequested', message: 'The machine is not meant to run now' }
  }
  if (!isTrue(vm, VmDisksReady) || !isTrue(vm, VmNetworksReady)) {
    return { status: 'False', reason: 'WaitingForDependencies', message: 'Disks or networks come first' }
  }
  return waitMs > 0
    ? { status: 'False', reason: 'BackOff', message: 'The next start waits' }
    : { status: 'False', reason: 'WaitingForScheduler', message: 'The run is being made' }
}
