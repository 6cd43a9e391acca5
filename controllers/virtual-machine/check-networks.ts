import { setCondition } from '../../apimachinery/conditions.ts'
import type { Network } from '../../crds/v1alpha1/network.ts'
import {
  type VirtualMachine,
  VmNetworksReady,
  type VmNetworksReason,
} from '../../crds/v1alpha1/virtual-machine.ts'
import { type AddressBook, ipEntry, macEntry } from '../addresses/address-book.ts'
import { addressPlanOf, fits, SubnetInvalidError } from '../addresses/address-plan.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'
import { askerOf } from './keep-identity.ts'
import { identityOf, type Machine, type MachineInterface } from './machine.ts'

export interface CheckNetworksDeps {
  readonly addresses: AddressBook
  readonly getNetwork: (name: string) => Network | undefined
}

export interface NetworkProblem {
  readonly reason: keyof typeof VmNetworksReason
  readonly message: string
}

/** Says whether every interface has its network and its addresses. Owns the condition NetworksReady. */
export function checkNetworks(deps: CheckNetworksDeps): Step<VirtualMachine> {
  return (ctx, vm) => {
    const problems = networkProblems(deps, vm)
    const [first] = problems
    setCondition(vm, ctx.clock, {
      type: VmNetworksReady,
      status: first === undefined ? 'True' : 'False',
      reason: first?.reason ?? 'NetworksFound',
      message:
        problems.map(({ message }) => message).join('; ') || 'Every interface has its network and addresses',
    })
    return Promise.resolve(proceed)
  }
}

export function networkProblems(deps: CheckNetworksDeps, vm: Machine): NetworkProblem[] {
  return vm.spec.interfaces.flatMap((nic) => problemOf(deps, vm, nic) ?? [])
}

function problemOf(deps: CheckNetworksDeps, vm: Machine, nic: MachineInterface): NetworkProblem | undefined {
  const network = deps.getNetwork(nic.network.name)
  if (network === undefined) {
    return {
      reason: 'NetworkNotFound',
      message: `Network ${nic.network.name} of interface ${nic.name} does not exist`,
    }
  }
  return macProblem(deps, vm, nic) ?? ipProblem(deps, vm, nic, network)
}

function macProblem(deps: CheckNetworksDeps, vm: Machine, nic: MachineInterface): NetworkProblem | undefined {
  if (nic.macAddress === undefined || identityOf(vm, nic.name)?.macAddress === nic.macAddress)
    return undefined
  return conflict(deps, vm, nic, { entry: macEntry(nic.macAddress), what: `MAC address ${nic.macAddress}` })
}

function ipProblem(
  deps: CheckNetworksDeps,
  vm: Machine,
  nic: MachineInterface,
  network: Network,
): NetworkProblem | undefined {
  const name = network.metadata.name
  const has = identityOf(vm, nic.name)?.ipAddress
  try {
    const plan = addressPlanOf(network)
    if (nic.ipAddress !== undefined) {
      if (plan !== undefined && !fits(plan, nic.ipAddress)) {
        return {
          reason: 'AddressNotInSubnet',
          message: `Address ${nic.ipAddress} of interface ${nic.name} is not one that machines on network ${name} (${plan.cidr}) can have`,
        }
      }
      if (has === nic.ipAddress) return undefined
      return conflict(deps, vm, nic, {
        entry: ipEntry(name, nic.ipAddress),
        what: `Address ${nic.ipAddress}`,
      })
    }
    if (plan === undefined || has !== undefined) return undefined
    return {
      reason: 'AddressesExhausted',
      message: `Network ${name} has no free address left for interface ${nic.name}`,
    }
  } catch (error) {
    if (!(error instanceof SubnetInvalidError)) throw error
    return {
      reason: 'SubnetInvalid',
      message: `The subnet of network ${name} cannot be used: ${error.message}`,
    }
  }
}

function conflict(
  { addresses }: CheckNetworksDeps,
  vm: Machine,
  nic: MachineInterface,
  { entry, what }: { entry: string; what: string },
): NetworkProblem {
  const holder = addresses.holderOf(entry, askerOf(vm, nic))
  return {
    reason: 'AddressConflict',
    message: `${what} of interface ${nic.name} is in use by ${holder?.machineKey ?? 'another machine'}`,
  }
}
