import { quantityToBytes } from '../apimachinery/quantity.ts'
import type { Stored } from '../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'

export type Instance = Stored<VirtualMachineInstance>

/** The run is over for good: its host's daemon has said so, and nothing of it executes. */
export function isFinished({ status }: Pick<VirtualMachineInstance, 'status'>): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** Names of the Disks that a run uses. */
export function diskNamesOf({ spec }: Pick<VirtualMachineInstance, 'spec'>): string[] {
  return spec.disks.flatMap(({ disk }) => disk?.name ?? [])
}

/** CPU threads and bytes of memory that a run is promised. */
export interface Demand {
  readonly cpus: number
  readonly memoryBytes: number
}

export function demandOf({ spec: { cpu, memory } }: Pick<VirtualMachineInstance, 'spec'>): Demand {
  return {
    cpus: cpu.sockets * cpu.cores * cpu.threads,
    // Beyond 2^53 bytes exactness is of no use: no host has that much.
    memoryBytes: Number(quantityToBytes(String(memory.size))),
  }
}
