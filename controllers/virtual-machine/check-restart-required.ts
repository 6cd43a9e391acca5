import { setCondition } from '../../apimachinery/conditions.ts'
import { type VirtualMachine, VmRestartRequired } from '../../crds/v1alpha1/virtual-machine.ts'
import { isFinished } from '../instances.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'
import { differingFields, instanceSpecOf } from './instance-spec.ts'
import { type Machine } from './machine.ts'
import { ownInstance, type OwnInstanceDeps } from './own-instance.ts'

/** Says which changes wait for the next start. Owns the condition RestartRequired. */
export function checkRestartRequired(deps: OwnInstanceDeps): Step<VirtualMachine> {
  return (ctx, vm) => {
    const fields = waitingFields(deps, vm)
    setCondition(vm, ctx.clock, {
      type: VmRestartRequired,
      status: fields.length > 0 ? 'True' : 'False',
      reason: fields.length > 0 ? 'SpecChanged' : 'UpToDate',
      message:
        fields.length > 0
          ? `Changes take effect at the next start: ${fields.join(', ')}`
          : 'No change waits for a restart',
    })
    return Promise.resolve(proceed)
  }
}

/** Fields in which the run that goes on differs from the spec; none when nothing runs. */
export function waitingFields(deps: OwnInstanceDeps, vm: Machine): string[] {
  const instance = ownInstance(deps, vm)
  if (instance === undefined || isFinished(instance)) return []
  return differingFields(instance.spec, instanceSpecOf(vm))
}
