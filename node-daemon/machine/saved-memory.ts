import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { MachineDeps } from './machine-deps.ts'
import { diskKeysOf } from './resource-needs.ts'
import type { Situation } from './situation.ts'

type Run = Stored<VirtualMachineInstance>

/** Beside the first disk of the run, on the same storage; undefined for a machine without disks of its own. */
export function memoryPathOf(run: Run, { disks }: Pick<MachineDeps, 'disks'>): string | undefined {
  const [first] = diskKeysOf(run)
  const path = first === undefined ? undefined : disks.get(first)?.status?.path
  return path === undefined ? undefined : `${path}.memory`
}

/** How the file of a run stands that sleeps; undefined for one that does not. */
export async function memoryStateOf(
  { status }: Run,
  { hypervisor }: Pick<MachineDeps, 'hypervisor'>,
): Promise<Situation['memory']> {
  if (status?.savedMemory === undefined) return undefined
  const found = await hypervisor.savedMemory(status.savedMemory.path)
  if (found === undefined) return 'none'
  return found.complete ? 'complete' : 'partial'
}
