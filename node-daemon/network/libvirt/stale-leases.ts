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

  /** Releases the leases that `isStale` picks. A failure is logged: the lease ends by itself, only later. */
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
    for (const lease of (await this.#read(net, signal)).filter(isStale)) {
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
    return leases.flatMap(({ mac, ipaddr, clientid }) =>
      mac === null
        ? []
        : [
            {
              macAddress: mac.toLowerCase(),
              ipAddress: ipaddr,
              ...(clientid !== null && { clientId: clientid }),
            },
          ],
    )
  }
}
