import { HypervisorError } from '../hypervisor/hypervisor.ts'

/** An IPv4 range as numbers: `first` and `last` are the network and the broadcast address. */
export interface Subnet {
  readonly first: number
  readonly last: number
  readonly prefix: number
}

/** Reads `10.80.0.0/24`; throws an `invalid` HypervisorError that names the range otherwise. */
export function parseSubnet(cidr: string): Subnet {
  const match = /^([^/]+)\/(\d{1,2})$/.exec(cidr)
  const address = match === null ? undefined : parseAddress(match[1] ?? '')
  const prefix = Number(match?.[2])
  if (address === undefined || prefix > 32)
    throw new HypervisorError('invalid', `"${cidr}" is not an IPv4 range such as 10.80.0.0/24`)
  const size = 2 ** (32 - prefix)
  const first = address - (address % size)
  return { first, last: first + size - 1, prefix }
}

/** Reads a dotted quad as a number; undefined when it is none. */
export function parseAddress(address: string): number | undefined {
  const parts = address.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

export function netmaskOf(subnet: Subnet): string {
  return formatAddress(2 ** 32 - 2 ** (32 - subnet.prefix))
}

export function overlap(one: Subnet, other: Subnet): boolean {
  return one.first <= other.last && other.first <= one.last
}

export function contains(subnet: Subnet, address: string): boolean {
  const value = parseAddress(address)
  return value !== undefined && value >= subnet.first && value <= subnet.last
}
