import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachine, VirtualMachineStatus } from '../../crds/v1alpha1/virtual-machine.ts'

export type Machine = Stored<VirtualMachine>
export type MachineDisk = VirtualMachine['spec']['disks'][number]
export type MachineInterface = VirtualMachine['spec']['interfaces'][number]
export type InterfaceIdentity = NonNullable<VirtualMachineStatus['interfaces']>[number]

/** Held until no run and no inline disk of the machine is left. */
export const machineFinalizer = 'kvorum.dev/virtual-machine'

/** Name of the Disk behind an entry of `spec.disks`: deterministic, so that a repeated pass cannot make two. */
export function diskNameOf(vm: VirtualMachine, disk: MachineDisk): string {
  return disk.disk?.name ?? `${vm.metadata.name}-${disk.name}`
}

/** The entries of `spec.disks` that are Disks. */
export function disksOf(vm: VirtualMachine): readonly MachineDisk[] {
  return vm.spec.disks.filter(isDisk)
}

/** A CD-ROM drive may be empty or show an Image instead. */
export function isDisk({ disk, template }: MachineDisk): boolean {
  return disk !== undefined || template !== undefined
}

/** The working copy's status, there to be changed. */
export function statusOf(vm: VirtualMachine): VirtualMachineStatus {
  return (vm.status ??= {})
}

export function identityOf(vm: VirtualMachine, interfaceName: string): InterfaceIdentity | undefined {
  return vm.status?.interfaces?.find(({ name }) => name === interfaceName)
}
