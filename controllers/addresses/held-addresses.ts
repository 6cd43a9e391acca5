import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../crds/v1alpha1/virtual-machine.ts'
import { keyBeside } from '../beside.ts'
import type { Instance } from '../instances.ts'
import { type AddressHolder, ipEntry, macEntry } from './address-book.ts'

/** An address and who has it, or asks for it. */
export interface HeldAddress {
  readonly entry: string
  readonly holder: AddressHolder
}

/** What the machine has, by its status. */
export function heldBy(vm: Stored<VirtualMachine>): HeldAddress[] {
  return vm.spec.interfaces.flatMap(({ name, network }) => {
    const identity = vm.status?.interfaces?.find((one) => one.name === name)
    return identity === undefined ? [] : addressesOf(holderOf(vm, name), network.name, identity)
  })
}

/** What the machine asks for by name. */
export function namedBy(vm: Stored<VirtualMachine>): HeldAddress[] {
  return vm.spec.interfaces.flatMap((nic) => addressesOf(holderOf(vm, nic.name), nic.network.name, nic))
}

/** What the run carries, whatever became of its machine's status since. */
export function carriedBy(instance: Instance): HeldAddress[] {
  const { virtualMachine, interfaces } = instance.spec
  return interfaces.flatMap((nic) => {
    const machineKey = keyBeside(instance, virtualMachine.name)
    const holder = { machineUid: virtualMachine.uid, machineKey, interfaceName: nic.name }
    return addressesOf(holder, nic.network.name, nic)
  })
}

function holderOf(vm: Stored<VirtualMachine>, interfaceName: string): AddressHolder {
  return { machineUid: vm.metadata.uid, machineKey: keyOf(vm.metadata), interfaceName }
}

function addressesOf(
  holder: AddressHolder,
  network: string,
  { macAddress, ipAddress }: { macAddress?: string | undefined; ipAddress?: string | undefined },
): HeldAddress[] {
  return [
    ...(macAddress === undefined ? [] : [{ entry: macEntry(macAddress), holder }]),
    ...(ipAddress === undefined ? [] : [{ entry: ipEntry(network, ipAddress), holder }]),
  ]
}
