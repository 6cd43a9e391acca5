import type { Network } from '../../crds/v1alpha1/network.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import type { NetworkSpecOnHost } from '../network/network-driver.ts'
import { formatAddress, parseSubnet } from '../network/subnet.ts'

/**
 * What a Network means on a host, with everything that its spec leaves out filled in: the gateway is the first
 * address, DHCP has all the others. Throws an `invalid` HypervisorError for a range that cannot be one.
 */
export function networkOnHost({ metadata: { name }, spec }: Network): NetworkSpecOnHost {
  const invalid = (why: string) => new HypervisorError('invalid', `network ${name}: ${why}`)
  if (spec.type === 'bridge') {
    if (spec.bridge === undefined) throw invalid('a bridge network needs bridge.name')
    return { type: 'bridge', name, bridge: spec.bridge.name }
  }
  const subnet = spec.subnets?.[0]
  if (subnet === undefined) throw invalid('a nat network needs a subnet')
  return {
    type: 'nat',
    name,
    cidr: subnet.cidr,
    ...addresses(subnet),
    dns: subnet.dns ?? [],
    ...(spec.mtu !== undefined && { mtu: spec.mtu }),
  }
}

type SubnetSpec = NonNullable<Network['spec']['subnets']>[number]

function addresses({ cidr, gateway: given, dhcp }: SubnetSpec) {
  const { first, last } = parseSubnet(cidr)
  const gateway = given ?? formatAddress(first + 1)
  const firstBut = (...candidates: number[]) =>
    candidates.map(formatAddress).find((address) => address !== gateway) ?? gateway
  return {
    gateway,
    dhcpStart: dhcp?.start ?? firstBut(first + 1, first + 2),
    dhcpEnd: dhcp?.end ?? firstBut(last - 1, last - 2),
  }
}
