import type { Instance } from '../instances.ts'
import { keyBeside } from '../beside.ts'
import { type Machine } from './machine.ts'

export interface OwnInstanceDeps {
  readonly getInstance: (key: string) => Instance | undefined
}

/** The machine's run, if one is there: by uid, for a run of a machine that had the name before is none of ours. */
export function ownInstance(deps: OwnInstanceDeps, vm: Machine): Instance | undefined {
  const instance = namedInstance(deps, vm)
  return instance !== undefined && isRunOf(instance, vm) ? instance : undefined
}

/** Whatever has the name that the machine's run would have. */
export function namedInstance({ getInstance }: OwnInstanceDeps, vm: Machine): Instance | undefined {
  return getInstance(keyBeside(vm, vm.metadata.name))
}

export function isRunOf(instance: Instance, vm: Machine): boolean {
  return instance.spec.virtualMachine.uid === vm.metadata.uid
}
