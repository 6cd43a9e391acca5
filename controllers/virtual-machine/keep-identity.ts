import { isDeepStrictEqual } from 'node:util'
import type { Network } from '../../crds/v1alpha1/network.ts'
import { type AddressBook, type AddressHolder, ipEntry, macEntry } from '../addresses/address-book.ts'
import {
  type AddressPlan,
  addressPlanOf,
  fits,
  lowestFree,
  SubnetInvalidError,
} from '../addresses/address-plan.ts'
import { freeMacAddress } from '../addresses/mac-address.ts'
import { addFinalizer } from '../finalizers.ts'
import type { Instance } from '../instances.ts'
import { proceed, type Step, stop } from '../runtime/reconciler.ts'
import { keyBeside } from '../beside.ts'
import {
  identityOf,
  type InterfaceIdentity,
  type Machine,
  machineFinalizer,
  type MachineInterface,
  statusOf,
} from './machine.ts'
import type { VirtualMachine } from '../../crds/v1alpha1/virtual-machine.ts'

export interface KeepIdentityDeps {
  readonly addresses: AddressBook
  readonly getNetwork: (name: string) => Network | undefined
  readonly getInstance: (key: string) => Instance | undefined
}

/**
 * Gives the machine its UUID, MAC and IP addresses once and keeps them for life. What the spec names comes first, then
 * what the status has, then what a run carries, should the status be lost. Identity and finalizer are stored before
 * anything exists outside.
 */
export function keepIdentity(deps: KeepIdentityDeps): Step<VirtualMachine> {
  return (_ctx, vm) => {
    const before = structuredClone(vm.status)
    const instance = deps.getInstance(keyBeside(vm, vm.metadata.name))
    const own = instance?.spec.virtualMachine.uid === vm.metadata.uid ? instance : undefined
    // The copy of the machine is as new as our last write: what was handed out to it shows there.
    deps.addresses.forget(vm.metadata.uid)

    const status = statusOf(vm)
    status.uuid ??= own?.spec.uuid ?? vm.metadata.uid
    status.interfaces = vm.spec.interfaces.map((nic) => keepInterface(deps, vm, nic, own))

    const finalizerIsNew = addFinalizer(vm, machineFinalizer)
    return Promise.resolve(finalizerIsNew || !isDeepStrictEqual(vm.status, before) ? stop : proceed)
  }
}

function keepInterface(
  { addresses, getNetwork }: KeepIdentityDeps,
  vm: Machine,
  nic: MachineInterface,
  run: Instance | undefined,
): InterfaceIdentity {
  const asker = askerOf(vm, nic)
  const stored = identityOf(vm, nic.name)
  const carried = run?.spec.interfaces.find(({ name }) => name === nic.name)
  const macAddress = keepMacAddress(addresses, asker, nic, stored?.macAddress ?? carried?.macAddress)
  const carriedIp = carried?.network.name === nic.network.name ? carried.ipAddress : undefined
  const ipAddress = keepIpAddress({
    addresses,
    asker,
    nic,
    kept: stored?.ipAddress ?? carriedIp,
    plan: usablePlan(getNetwork(nic.network.name)),
  })
  return {
    name: nic.name,
    macAddress,
    ...(ipAddress !== undefined && { ipAddress }),
    ...(stored?.reportedAddresses && { reportedAddresses: stored.reportedAddresses }),
  }
}

function keepMacAddress(
  addresses: AddressBook,
  asker: AddressHolder,
  nic: MachineInterface,
  kept: string | undefined,
): string {
  if (nic.macAddress !== undefined && addresses.take(macEntry(nic.macAddress), asker)) return nic.macAddress
  if (kept !== undefined && addresses.take(macEntry(kept), asker)) return kept
  const given = freeMacAddress(asker.machineUid, nic.name, (mac) => addresses.isFree(macEntry(mac), asker))
  if (given === undefined)
    throw new Error(`no free MAC address for interface ${nic.name} of ${asker.machineKey}`)
  addresses.take(macEntry(given), asker)
  return given
}

interface IpRequest {
  readonly addresses: AddressBook
  readonly asker: AddressHolder
  readonly nic: MachineInterface
  readonly kept: string | undefined
  readonly plan: AddressPlan | 'unknown' | undefined
}

/** Undefined where none can or need be given; `check-networks.ts` says why. */
function keepIpAddress({ addresses, asker, nic, kept, plan }: IpRequest): string | undefined {
  const entry = (ip: string) => ipEntry(nic.network.name, ip)
  const take = (ip: string | undefined) => ip !== undefined && addresses.take(entry(ip), asker)
  // Without the network nothing can be said about its addresses: what is there is kept.
  if (plan === 'unknown') return take(kept) ? kept : undefined
  if (plan === undefined) return take(nic.ipAddress) ? nic.ipAddress : undefined
  const mayHave = (ip: string | undefined) => ip !== undefined && fits(plan, ip) && take(ip)
  if (mayHave(nic.ipAddress)) return nic.ipAddress
  if (mayHave(kept)) return kept
  if (nic.ipAddress !== undefined) return undefined
  const given = lowestFree(plan, (ip) => addresses.isFree(entry(ip), asker))
  return take(given) ? given : undefined
}

/** The interface as the address book knows it. */
export function askerOf(vm: Machine, nic: MachineInterface): AddressHolder {
  return {
    machineUid: vm.metadata.uid,
    machineKey: keyBeside(vm, vm.metadata.name),
    interfaceName: nic.name,
  }
}

function usablePlan(network: Network | undefined): AddressPlan | 'unknown' | undefined {
  if (network === undefined) return 'unknown'
  try {
    return addressPlanOf(network)
  } catch (error) {
    if (error instanceof SubnetInvalidError) return 'unknown'
    throw error
  }
}
