import type { LibvirtHost, Network } from 'node-libvirt'
import type { Logger } from '../../../apimachinery/log.ts'
import { formatAddress } from '../subnet.ts'
import type { NetworkDocument } from './network-document.ts'
import type { Lease } from './release-message.ts'
import { releaseMessage } from './release-message.ts'
import type { SendBroadcast } from './send-broadcast.ts'

const dhcpServerPort = 67

export interface StaleLeasesDeps {
  readonly libvirt: LibvirtHost
  readonly log: Logger
  readonly send: SendBroadcast
}

/** Gives back addresses in the name of machines that can't any more. */
export class StaleLeases {
  readonly #deps: StaleLeasesDeps

  constructor(deps: StaleLeasesDeps) {
    this.#deps = deps
  }

  /**
   * Releases the leases that `isStale` picks, of those that libvirt knows and of those that the network's entries may
   * have led to: libvirt learns of a new lease only a moment later. Releasing what is no lease does nothing. A failure is
   * logged: the lease ends by itself, only later.
   */
  async release(
    net: Network,
    document: NetworkDocument,
    isStale: (lease: Lease) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const {
      gateway,
      subnets: [subnet],
    } = document
    if (gateway === undefined || subnet === undefined) return
    const route = { from: gateway, to: formatAddress(subnet.last), port: dhcpServerPort }
    const known = [...document.hosts, ...(await this.#read(net, signal))]
    const stale = new Map(
      known
        .filter(isStale)
        .map(({ macAddress, ipAddress }) => [`${macAddress} ${ipAddress}`, { macAddress, ipAddress }]),
    )
    for (const lease of stale.values()) {
      try {
        await this.#deps.send(releaseMessage(lease, gateway), route)
      } catch (error) {
        this.#deps.log.warn('Cannot release a lease', { network: net.name, lease, error })
      }
    }
  }

  async #read(net: Network, signal: AbortSignal | undefined): Promise<readonly Lease[]> {
    const request = { net, mac: null, needResults: 1 }
    const { leases } = await this.#deps.libvirt.query('networkGetDhcpLeases', request, { signal })
    return leases.flatMap(({ mac, ipaddr }) =>
      mac === null ? [] : [{ macAddress: mac.toLowerCase(), ipAddress: ipaddr }],
    )
  }
}
