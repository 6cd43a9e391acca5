import type { XmlElement } from '../../hypervisor/libvirt/xml/element.ts'
import { element } from '../../hypervisor/libvirt/xml/element.ts'
import type { NatNetworkSpec } from '../nat-network.ts'
import { natBridgeName } from '../nat-network.ts'
import type { DhcpHost } from '../network-driver.ts'
import { parseSubnet } from '../subnet.ts'

/** The XML namespace of what Kvorum notes in a network's metadata. Never changed: it is how networks are recognised. */
export const networkMetadataUri = 'https://kvorum.dev/xmlns/network/1'

/** The name in libvirt: a prefix keeps Kvorum's networks apart from those of others. */
export function libvirtNetworkName(network: string): string {
  return `${libvirtNetworkPrefix}${network}`
}

export const libvirtNetworkPrefix = 'kvorum-'

/** What of an existing network is kept when it is defined anew. */
export interface KeptParts {
  readonly uuid: string
  readonly macAddress: string | undefined
  readonly hosts: readonly DhcpEntry[]
}

/** A DHCP entry as libvirt has it: the name may be missing, for libvirt wants it unique within the network. */
export type DhcpEntry = Omit<DhcpHost, 'name'> & Partial<Pick<DhcpHost, 'name'>>

/** A NAT network with DHCP: the host is the gateway, and answers DNS itself or through the given servers. */
export function natNetwork(spec: NatNetworkSpec, kept?: KeptParts): XmlElement {
  const { prefix } = parseSubnet(spec.cidr)
  return element('network', {}, [
    element('name', {}, [libvirtNetworkName(spec.name)]),
    kept === undefined ? undefined : element('uuid', {}, [kept.uuid]),
    element('metadata', {}, [
      element('kvorum:network', { 'xmlns:kvorum': networkMetadataUri, name: spec.name }),
    ]),
    // Open: the packet filter is ours (packet-filter.ts).
    element('forward', { mode: 'open' }),
    element('bridge', { name: natBridgeName(spec.name), stp: 'off', delay: 0 }),
    spec.mtu === undefined ? undefined : element('mtu', { size: spec.mtu }),
    kept?.macAddress === undefined ? undefined : element('mac', { address: kept.macAddress }),
    spec.dns.length === 0
      ? undefined
      : element(
          'dns',
          {},
          spec.dns.map((addr) => element('forwarder', { addr })),
        ),
    element('ip', { address: spec.gateway, prefix }, [
      element('dhcp', {}, [
        element('range', { start: spec.dhcpStart, end: spec.dhcpEnd }),
        ...(kept?.hosts ?? []).map(dhcpHost),
      ]),
    ]),
  ])
}

/** One entry that makes DHCP hand an address to a card. */
export function dhcpHost({ macAddress, ipAddress, name }: DhcpEntry): XmlElement {
  return element('host', { mac: macAddress, name, ip: ipAddress })
}
