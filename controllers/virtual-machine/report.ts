import { getCondition, setCondition } from '../../apimachinery/conditions.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import type { VirtualMachineStatus } from '../../crds/v1alpha1/virtual-machine.ts'
import { VmDrifted, VmReady, VmScheduled } from '../../crds/v1alpha1/virtual-machine.ts'
import { VmiDrifted } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { isReachableIpv4 } from '../addresses/ipv4.ts'
import { type Instance, isFinished } from '../instances.ts'
import { waitMs } from './follow-power.ts'
import { identityOf, type InterfaceIdentity, type Machine, statusOf } from './machine.ts'
import type { ReportSituation } from './report-situation.ts'
import { isRunOf, namedInstance, type OwnInstanceDeps } from './own-instance.ts'
import { scheduledOf } from './scheduled.ts'
import { summarise } from './summary.ts'

export interface ReportDeps extends OwnInstanceDeps {
  readonly getHost: (name: string) => Host | undefined
}

/**
 * What a user sees, from the finished pass: the phase, what the run says, and the conditions Ready and Scheduled. Runs
 * on every pass, however far the steps came.
 */
export function report(deps: ReportDeps, clock: Clock, vm: Machine): void {
  const named = namedInstance(deps, vm)
  const instance = named !== undefined && isRunOf(named, vm) ? named : undefined
  const foreign = instance === undefined ? named : undefined
  mirror(vm, instance)
  const host = vm.status?.hostName === undefined ? undefined : deps.getHost(vm.status.hostName)
  const situation: ReportSituation = { vm, instance, foreign, host, waitMs: waitMs(vm, clock) }
  const summary = summarise(situation)
  statusOf(vm).phase = summary.phase
  setCondition(vm, clock, { type: VmScheduled, ...scheduledOf(situation) })
  setCondition(vm, clock, { type: VmReady, ...summary.ready })
  reportDrift(vm, instance, clock)
}

/** What the run's host says, and nothing as long as it has never said anything. */
function reportDrift(vm: Machine, instance: Instance | undefined, clock: Clock): void {
  const said = instance && !isFinished(instance) ? getCondition(instance, VmiDrifted) : undefined
  if (said !== undefined) {
    const { status, reason, message } = said
    setCondition(vm, clock, { type: VmDrifted, status, reason, message })
  } else if (getCondition(vm, VmDrifted) !== undefined) {
    const message = 'The machine does not run'
    setCondition(vm, clock, { type: VmDrifted, status: 'False', reason: 'AsDeclared', message })
  }
}

function mirror(vm: Machine, instance: Instance | undefined): void {
  const status = statusOf(vm)
  const run = instance === undefined || isFinished(instance) ? undefined : instance
  setOrDelete(status, 'hostName', run?.spec.hostName)
  setOrDelete(status, 'startedAt', run?.status?.startedAt)
  setOrDelete(status, 'guest', run?.status?.guest)
  for (const identity of status.interfaces ?? []) mirrorAddresses(identity, run)
  setOrDelete(status, 'ipAddress', firstAddress(vm, run))
}

function setOrDelete<K extends keyof VirtualMachineStatus>(
  status: VirtualMachineStatus,
  field: K,
  value: VirtualMachineStatus[K],
): void {
  if (value === undefined) delete status[field]
  else status[field] = structuredClone(value)
}

function mirrorAddresses(identity: InterfaceIdentity, run: Instance | undefined): void {
  const addresses = run === undefined ? [] : reportedAddresses(run, identity)
  if (addresses.length === 0) delete identity.reportedAddresses
  else identity.reportedAddresses = addresses
}

/** What the guest has on the interface with this MAC address, else on the one of this name. */
function reportedAddresses(run: Instance, { name, macAddress }: InterfaceIdentity): string[] {
  const seen = run.status?.interfaces ?? []
  const found =
    seen.find((one) => one.macAddress?.toLowerCase() === macAddress) ??
    seen.find((one) => one.name === name && one.macAddress === undefined)
  return [...(found?.ipAddresses ?? [])]
}

/**
 * The guest's word before the plan's: the first address that others can reach, of our own interfaces in the order of
 * the spec if one has any, then of whatever else the guest has.
 */
function firstAddress(vm: Machine, run: Instance | undefined): string | undefined {
  const own = vm.spec.interfaces.flatMap((nic) => identityOf(vm, nic.name)?.reportedAddresses ?? [])
  const others = run?.status?.interfaces?.flatMap(({ ipAddresses }) => ipAddresses ?? []) ?? []
  const reported = [...own, ...others].find(isReachableIpv4)
  return reported ?? vm.status?.interfaces?.find(({ ipAddress }) => ipAddress !== undefined)?.ipAddress
}
