import { createHash } from 'node:crypto'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import type { NetworkSpecOnHost } from './network-driver.ts'
import { contains, parseAddress, parseSubnet } from './subnet.ts'

export type NatNetworkSpec = Extract<NetworkSpecOnHost, { readonly type: 'nat' }>

/**
 * The bridge of a NAT network: the same for the same network on every host and after every restart. Linux allows 15
 * characters, network names may have more; hence a digest.
 */
export function natBridgeName(network: string): string {
  return `kv-${createHash('sha256').update(network).digest('hex').slice(0, 10)}`
}

/** Refuses, as `invalid`, ranges and addresses that do not fit together. */
export function checkNatNetwork(spec: NatNetworkSpec): void {
  const subnet = parseSubnet(spec.cidr)
  if (subnet.prefix < 8 || subnet.prefix > 30)
    throw new HypervisorError(
      'invalid',
      `network ${spec.name}: cidr ${spec.cidr} must have a prefix from 8 to 30`,
    )
  for (const field of ['gateway', 'dhcpStart', 'dhcpEnd'] as const) {
    const address = spec[field]
    if (!contains(subnet, address))
      throw new HypervisorError('invalid', `network ${spec.name}: ${field} ${address} is not in ${spec.cidr}`)
  }
  if (Number(parseAddress(spec.dhcpStart)) > Number(parseAddress(spec.dhcpEnd)))
    throw new HypervisorError(
      'invalid',
      `network ${spec.name}: dhcpStart ${spec.dhcpStart} is after dhcpEnd ${spec.dhcpEnd}`,
    )
}
