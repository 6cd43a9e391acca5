import type { DhcpHost } from '../network-driver.ts'
import type { DhcpEntry } from './network-xml.ts'

/** What has to be done to a network's DHCP entries, in this order. */
export interface DhcpChange {
  readonly remove: readonly DhcpEntry[]
  readonly add: readonly DhcpEntry[]
}

/**
 * How the entries become such that DHCP hands the address to the card, and to no other. libvirt wants names unique too;
 * where another machine has the name, the entry goes without, as the name is only a convenience.
 */
export function planDhcpHost(entries: readonly DhcpEntry[], host: DhcpHost): DhcpChange {
  const macAddress = host.macAddress.toLowerCase()
  const rivals = entries.filter(
    (entry) => entry.macAddress === macAddress || entry.ipAddress === host.ipAddress,
  )
  const nameTaken = entries.some((entry) => entry.name === host.name && !rivals.includes(entry))
  const wanted: DhcpEntry = {
    macAddress,
    ipAddress: host.ipAddress,
    ...(!nameTaken && { name: host.name }),
  }
  const [only, ...others] = rivals
  if (only !== undefined && others.length === 0 && sameEntry(only, wanted)) return { remove: [], add: [] }
  return { remove: rivals, add: [wanted] }
}

/** How the card's entry goes. */
export function planDhcpRemoval(entries: readonly DhcpEntry[], macAddress: string): DhcpChange {
  const remove = entries.filter((entry) => entry.macAddress === macAddress.toLowerCase())
  return { remove, add: [] }
}

function sameEntry(one: DhcpEntry, other: DhcpEntry): boolean {
  return one.macAddress === other.macAddress && one.ipAddress === other.ipAddress && one.name === other.name
}
