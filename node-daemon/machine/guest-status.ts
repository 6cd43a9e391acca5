import { isIP } from 'node:net'
import type {
  VirtualMachineInstanceSpec,
  VirtualMachineInstanceStatus,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { GuestFacts, GuestInterface } from '../hypervisor/hypervisor.ts'

type SpecInterface = VirtualMachineInstanceSpec['interfaces'][number]
type StatusInterface = NonNullable<VirtualMachineInstanceStatus['interfaces']>[number]

const maxInterfaces = 64
const maxAddresses = 64

/**
 * The interfaces of the spec, in its order, each with what the guest says about the one of the same MAC address, and
 * after them those that only the guest knows. A guest is not trusted: what is no address is dropped, and no more is
 * kept than the schema allows.
 */
export function interfaceStatus(
  spec: readonly SpecInterface[],
  reported: readonly GuestInterface[],
): StatusInterface[] {
  const byMac = new Map(reported.map((one) => [one.macAddress?.toLowerCase(), one]))
  const known = spec.map(({ name, macAddress }) => describe(name, macAddress, byMac.get(macAddress)))
  const names = new Set(known.map(({ name }) => name))
  const macs = new Set(spec.map(({ macAddress }) => macAddress))
  for (const one of reported) {
    const name = one.guestName.slice(0, 63)
    const macAddress = one.macAddress?.toLowerCase()
    const ours = macAddress !== undefined && macs.has(macAddress)
    if (ours || name === '' || name === 'lo' || names.has(name)) continue
    names.add(name)
    known.push(describe(name, macAddress, one))
  }
  return known.slice(0, maxInterfaces)
}

function describe(
  name: string,
  macAddress: string | undefined,
  guest: GuestInterface | undefined,
): StatusInterface {
  const ipAddresses = usableAddresses(guest?.ipAddresses ?? [])
  return {
    name,
    ...(macAddress !== undefined && { macAddress: macAddress.slice(0, 17) }),
    ...(guest !== undefined && { guestName: guest.guestName.slice(0, 64) }),
    ...(ipAddresses.length > 0 && { ipAddresses }),
  }
}

/** IPv4 first, as people and the printed column expect; addresses that only mean something on the link are left out. */
function usableAddresses(addresses: readonly string[]): string[] {
  const valid = addresses.filter((address) => isIP(address) !== 0 && !/^(fe80:|127\.|::1$)/i.test(address))
  const sorted = valid.toSorted((a, b) => isIP(a) - isIP(b))
  return [...new Set(sorted)].slice(0, maxAddresses)
}

export function guestStatus(facts: GuestFacts): NonNullable<VirtualMachineInstanceStatus['guest']> {
  const { hostname, operatingSystem, agentVersion } = facts
  return {
    ...(hostname !== undefined && { hostname: hostname.slice(0, 253) }),
    ...(operatingSystem !== undefined && { operatingSystem: operatingSystem.slice(0, 256) }),
    ...(agentVersion !== undefined && { agentVersion: agentVersion.slice(0, 64) }),
  }
}

/** Whether the guest has said an address that can be reached, so that there is no hurry to ask again. */
export function hasAddress(facts: GuestFacts): boolean {
  return facts.interfaces.some(
    ({ guestName, ipAddresses }) => guestName !== 'lo' && usableAddresses(ipAddresses).length > 0,
  )
}
