import { z } from 'zod'
import { many, one, optional, parseXml, text } from '../../hypervisor/libvirt/xml/parse.ts'
import type { NatNetworkSpec } from '../nat-network.ts'
import { natBridgeName } from '../nat-network.ts'
import type { Subnet } from '../subnet.ts'
import { formatAddress, parseAddress, parseSubnet } from '../subnet.ts'
import type { DhcpEntry } from './network-xml.ts'

const host = z.object({
  '@mac': z.string().optional(),
  '@name': z.string().optional(),
  '@ip': z.string().optional(),
})
const ip = z.object({
  '@family': z.string().optional(),
  '@address': z.string().optional(),
  '@netmask': z.string().optional(),
  '@prefix': z.coerce.number().int().min(0).max(128).optional(),
  dhcp: optional(
    z.object({
      range: optional(z.object({ '@start': z.string(), '@end': z.string() })),
      host: many(host),
    }),
  ),
})
const document = z.object({
  network: one(
    z.object({
      name: one(text),
      uuid: one(text),
      metadata: optional(z.object({ network: optional(z.object({ '@name': z.string().optional() })) })),
      forward: optional(z.object({ '@mode': z.string().optional() })),
      bridge: optional(z.object({ '@name': z.string().optional() })),
      mtu: optional(z.object({ '@size': z.coerce.number() })),
      mac: optional(z.object({ '@address': z.string() })),
      dns: optional(z.object({ forwarder: many(z.object({ '@addr': z.string().optional() })) })),
      ip: many(ip),
    }),
  ),
})

/** A network as libvirt describes it, reduced to what Kvorum compares and keeps. */
export interface NetworkDocument {
  readonly libvirtName: string
  readonly uuid: string
  /** The name of Kvorum's Network; undefined for a network that is not ours. */
  readonly owner: string | undefined
  readonly macAddress: string | undefined
  /** The host's address in its first IPv4 range. */
  readonly gateway: string | undefined
  /** Its IPv4 ranges. */
  readonly subnets: readonly Subnet[]
  readonly hosts: readonly DhcpEntry[]
  /** All that `natNetwork` sets, in one comparable text. */
  readonly settings: string
}

/** Reads what `networkGetXmlDesc` returns. */
export function parseNetwork(xml: string): NetworkDocument {
  const { network } = parseXml('a network', xml, document)
  const ipv4 = network.ip.filter(isIpv4)
  return {
    libvirtName: network.name,
    uuid: network.uuid,
    owner: network.metadata?.network?.['@name'],
    macAddress: network.mac?.['@address'],
    gateway: ipv4[0]?.['@address'],
    subnets: ipv4.flatMap(subnetOf),
    hosts: (ipv4[0]?.dhcp?.host ?? []).flatMap(entryOf),
    settings: settingsIn(network),
  }
}

function settingsIn(network: z.infer<typeof document>['network']): string {
  const first = network.ip.find(isIpv4)
  const range = first?.dhcp?.range
  return settingsText({
    mode: network.forward?.['@mode'],
    bridge: network.bridge?.['@name'],
    mtu: network.mtu?.['@size'],
    dns: (network.dns?.forwarder ?? []).map((forwarder) => forwarder['@addr']),
    gateway: first?.['@address'],
    prefix: first?.['@prefix'],
    dhcpStart: range?.['@start'],
    dhcpEnd: range?.['@end'],
  })
}

function isIpv4(item: z.infer<typeof ip>): boolean {
  return item['@family'] !== 'ipv6'
}

/** What `parseNetwork` reads as `settings` of a network that was defined from this spec. */
export function settingsOf(spec: NatNetworkSpec): string {
  return settingsText({
    mode: 'open',
    bridge: natBridgeName(spec.name),
    mtu: spec.mtu,
    dns: spec.dns,
    gateway: spec.gateway,
    prefix: parseSubnet(spec.cidr).prefix,
    dhcpStart: spec.dhcpStart,
    dhcpEnd: spec.dhcpEnd,
  })
}

interface Settings {
  readonly mode: string | undefined
  readonly bridge: string | undefined
  readonly mtu: number | undefined
  readonly dns: readonly (string | undefined)[]
  readonly gateway: string | undefined
  readonly prefix: number | undefined
  readonly dhcpStart: string | undefined
  readonly dhcpEnd: string | undefined
}

function settingsText(settings: Settings): string {
  return JSON.stringify(settings)
}

function subnetOf(item: z.infer<typeof ip>): Subnet[] {
  const address = item['@address']
  const prefix = item['@prefix'] ?? prefixOf(item['@netmask'])
  if (address === undefined || prefix === undefined || prefix > 32 || parseAddress(address) === undefined)
    return []
  return [parseSubnet(`${address}/${prefix}`)]
}

function prefixOf(netmask: string | undefined): number | undefined {
  const value = netmask === undefined ? undefined : parseAddress(netmask)
  if (value === undefined) return undefined
  const prefix = 32 - Math.log2(2 ** 32 - value)
  return Number.isInteger(prefix) && formatAddress(2 ** 32 - 2 ** (32 - prefix)) === netmask
    ? prefix
    : undefined
}

function entryOf(item: z.infer<typeof host>): DhcpEntry[] {
  const { '@mac': macAddress, '@ip': ipAddress, '@name': name } = item
  if (macAddress === undefined || ipAddress === undefined) return []
  return [{ macAddress: macAddress.toLowerCase(), ipAddress, ...(name !== undefined && { name }) }]
}
