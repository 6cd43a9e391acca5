import type { Network } from '../../crds/v1alpha1/network.ts'
import { formatIpv4, parseIpv4 } from './ipv4.ts'

/** What a network hands out: numbers, so that a search through it is cheap. */
export interface AddressPlan {
  readonly cidr: string
  /** The network and the broadcast address: never handed out. */
  readonly first: number
  readonly last: number
  readonly gateway: number
  /** The range that addresses are given from. */
  readonly start: number
  readonly end: number
}

/** The subnet of a network is not one; the message says what is wrong with which field. */
export class SubnetInvalidError extends Error {
  override readonly name = 'SubnetInvalidError'
}

/**
 * The addresses that Kvorum gives to machines on a `nat` network; undefined for a network on which somebody else
 * does. Throws a SubnetInvalidError.
 */
export function addressPlanOf(network: Pick<Network, 'spec'>): AddressPlan | undefined {
  const subnet = network.spec.type === 'nat' ? network.spec.subnets?.[0] : undefined
  if (subnet === undefined) return undefined
  const { first, last } = parseCidr(subnet.cidr)
  const field = (name: string, text: string | undefined, otherwise: number): number => {
    if (text === undefined) return otherwise
    const value = parseIpv4(text)
    if (value === undefined || value <= first || value >= last) {
      throw new SubnetInvalidError(`${name} ${text} is not an address of ${subnet.cidr}`)
    }
    return value
  }
  const gateway = field('gateway', subnet.gateway, first + 1)
  const start = field('dhcp.start', subnet.dhcp?.start, first + 1)
  const end = field('dhcp.end', subnet.dhcp?.end, last - 1)
  if (start > end) throw new SubnetInvalidError(`dhcp.start is after dhcp.end`)
  return { cidr: subnet.cidr, first, last, gateway, start, end }
}

function parseCidr(cidr: string): { first: number; last: number } {
  const [address = '', length = ''] = cidr.split('/')
  const value = parseIpv4(address)
  const prefix = Number(length)
  // libvirt's dnsmasq wants room for a gateway and a machine, and a range that it can list.
  if (value === undefined || !Number.isInteger(prefix) || prefix < 8 || prefix > 30) {
    throw new SubnetInvalidError(`cidr ${cidr} is not an IPv4 range with a prefix from 8 to 30`)
  }
  const size = 2 ** (32 - prefix)
  const first = value - (value % size)
  return { first, last: first + size - 1 }
}

/** True for an address that a machine on the network may have, inside or outside the range that is given from. */
export function fits(plan: AddressPlan, address: string): boolean {
  const value = parseIpv4(address)
  return value !== undefined && value > plan.first && value < plan.last && value !== plan.gateway
}

/** The lowest address of the range that `isFree` accepts. */
export function lowestFree(plan: AddressPlan, isFree: (address: string) => boolean): string | undefined {
  for (let value = plan.start; value <= plan.end; value++) {
    if (value === plan.gateway) continue
    const address = formatIpv4(value)
    if (isFree(address)) return address
  }
  return undefined
}
