import type { VirtualMachine } from '../../crds/v1alpha1/virtual-machine.ts'
import type { AddressBook } from '../addresses/address-book.ts'
import { hasFinalizer, isBeingDeleted } from '../finalizers.ts'
import {
  type Outcome,
  type ReconcileContext,
  type Reconciler,
  runSteps,
  type Step,
} from '../runtime/reconciler.ts'
import { checkNetworks, type CheckNetworksDeps } from './check-networks.ts'
import { checkRestartRequired } from './check-restart-required.ts'
import {
  deleteInlineDisks,
  type DeleteDisksDeps,
  endRun,
  type EndRunDeps,
  holdWhileProtected,
  letGo,
} from './delete-machine.ts'
import { ensureDisks, type EnsureDisksDeps } from './ensure-disks.ts'
import { followPower, type FollowPowerDeps } from './follow-power.ts'
import { keepIdentity, type KeepIdentityDeps } from './keep-identity.ts'
import { type Machine, machineFinalizer } from './machine.ts'
import { report, type ReportDeps } from './report.ts'
import { tell } from './story.ts'

/** Plain functions and the two ledgers, so that a test passes literals: no client, no cache, no globals. */
export interface VirtualMachineDeps
  extends
    KeepIdentityDeps,
    CheckNetworksDeps,
    EnsureDisksDeps,
    FollowPowerDeps,
    EndRunDeps,
    DeleteDisksDeps,
    ReportDeps {
  readonly addresses: AddressBook
}

/** Drives a machine towards its spec, one run at a time, or out of existence. */
export class VirtualMachineReconciler implements Reconciler<VirtualMachine> {
  readonly name = 'virtual-machine'
  readonly #deps: VirtualMachineDeps
  readonly #living: readonly Step<VirtualMachine>[]
  readonly #deleting: readonly Step<VirtualMachine>[]

  constructor(deps: VirtualMachineDeps) {
    this.#deps = deps
    this.#living = [
      keepIdentity(deps),
      checkNetworks(deps),
      ensureDisks(deps),
      checkRestartRequired(deps),
      followPower(deps),
    ]
    this.#deleting = [holdWhileProtected(), endRun(deps), deleteInlineDisks(deps), letGo(deps.addresses)]
  }

  async reconcile(ctx: ReconcileContext, vm: Machine): Promise<Outcome> {
    const before = structuredClone(vm.status)
    const outcome = await runSteps(isBeingDeleted(vm) ? this.#deleting : this.#living, ctx, vm)
    // The object goes with its finalizer: there is nobody left to report to.
    if (isBeingDeleted(vm) && !hasFinalizer(vm, machineFinalizer)) return outcome
    report(this.#deps, ctx.clock, vm)
    tell(ctx.events, vm, before)
    return outcome
  }
}
