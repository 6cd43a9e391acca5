import { HypervisorError } from '../../hypervisor/hypervisor.ts'
import type { DhcpHost, NetworkDriver, NetworkSpecOnHost } from '../network-driver.ts'
import type { NatNetworkSpec } from '../nat-network.ts'
import { checkNatNetwork, natBridgeName } from '../nat-network.ts'
import { contains, overlap, parseSubnet } from '../subnet.ts'

export interface FakeNetworksOptions {
  /** Bridges that the host has. */
  readonly bridges?: readonly string[]
}

/** The calls that `failNext` can make fail. */
export type FakeNetworkOperation = keyof NetworkDriver

/** Networks in memory; what only a test does to them is in `world`. */
export interface FakeNetworks extends NetworkDriver {
  readonly world: {
    /** The next `times` calls of `operation` reject with `error` and have no effect. */
    failNext(operation: FakeNetworkOperation, error: Error, times?: number): void
    /** A network that is not Kvorum's. */
    addForeignNetwork(name: string, cidr: string): void
    /** An administrator takes the network down behind Kvorum's back; it stays defined. */
    takeDown(name: string): void
    isUp(name: string): boolean
    /** The NAT network as it was last ensured. */
    specOf(name: string): NatNetworkSpec | undefined
    dhcpHosts(network: string): readonly DhcpHost[]
    /** What DHCP would hand to this MAC address on any network. */
    addressOf(macAddress: string): string | undefined
  }
}

interface FakeNetwork {
  spec: NatNetworkSpec
  hosts: DhcpHost[]
  up: boolean
}

/** A host's networks that exist in memory only. */
export function fakeNetworks(options: FakeNetworksOptions = {}): FakeNetworks {
  return new InMemoryNetworks(options)
}

class InMemoryNetworks implements FakeNetworks {
  readonly #bridges: ReadonlySet<string>
  readonly #networks = new Map<string, FakeNetwork>()
  readonly #foreign = new Map<string, string>()
  readonly #failures: { operation: FakeNetworkOperation; error: Error; times: number }[] = []
  readonly world: FakeNetworks['world']

  constructor(options: FakeNetworksOptions) {
    this.#bridges = new Set(options.bridges)
    this.world = {
      failNext: (operation, error, times = 1) => void this.#failures.push({ operation, error, times }),
      addForeignNetwork: (name, cidr) => void this.#foreign.set(name, cidr),
      takeDown: (name) => {
        const network = this.#networks.get(name)
        if (network !== undefined) network.up = false
      },
      isUp: (name) => this.#networks.get(name)?.up ?? false,
      specOf: (name) => this.#networks.get(name)?.spec,
      dhcpHosts: (network) => this.#networks.get(network)?.hosts ?? [],
      addressOf: (macAddress) =>
        [...this.#networks.values()]
          .flatMap((network) => network.hosts)
          .find((host) => sameMac(host.macAddress, macAddress))?.ipAddress,
    }
  }

  async ensureNetwork(spec: NetworkSpecOnHost, signal?: AbortSignal): Promise<{ readonly bridge: string }> {
    this.#begin('ensureNetwork', signal)
    if (spec.type === 'bridge') {
      if (!this.#bridges.has(spec.bridge))
        throw new HypervisorError('not-found', `this host has no bridge ${spec.bridge}`)
      return { bridge: spec.bridge }
    }
    checkNatNetwork(spec)
    this.#refuseConflict(spec.name, spec.cidr)
    const known = this.#networks.get(spec.name)
    this.#networks.set(spec.name, { spec, hosts: known?.hosts ?? [], up: true })
    return { bridge: natBridgeName(spec.name) }
  }

  #refuseConflict(name: string, cidr: string): void {
    if (this.#foreign.has(name))
      throw new HypervisorError(
        'conflict',
        `network ${name} exists on this host and is not managed by Kvorum`,
      )
    const ours = [...this.#networks.values()].map(({ spec }) => [spec.name, spec.cidr] as const)
    for (const [other, otherCidr] of [...this.#foreign, ...ours]) {
      if (other !== name && overlap(parseSubnet(cidr), parseSubnet(otherCidr)))
        throw new HypervisorError(
          'conflict',
          `network ${name}: ${cidr} overlaps ${otherCidr} of network ${other}`,
        )
    }
  }

  async ensureDhcpHost(network: string, host: DhcpHost, signal?: AbortSignal): Promise<void> {
    this.#begin('ensureDhcpHost', signal)
    const known = this.#networks.get(network)
    if (known === undefined) throw new HypervisorError('not-found', `this host has no network ${network}`)
    if (!contains(parseSubnet(known.spec.cidr), host.ipAddress))
      throw new HypervisorError(
        'invalid',
        `network ${network}: ${host.ipAddress} is not in ${known.spec.cidr}`,
      )
    known.hosts = [
      ...known.hosts.filter(
        (other) => !sameMac(other.macAddress, host.macAddress) && other.ipAddress !== host.ipAddress,
      ),
      host,
    ]
  }

  async removeDhcpHost(network: string, macAddress: string, signal?: AbortSignal): Promise<void> {
    this.#begin('removeDhcpHost', signal)
    const known = this.#networks.get(network)
    if (known !== undefined) known.hosts = known.hosts.filter((host) => !sameMac(host.macAddress, macAddress))
  }

  async removeNetwork(name: string, signal?: AbortSignal): Promise<void> {
    this.#begin('removeNetwork', signal)
    this.#networks.delete(name)
  }

  async listNetworks(signal?: AbortSignal): Promise<readonly string[]> {
    this.#begin('listNetworks', signal)
    return [...this.#networks.keys()]
  }

  #begin(operation: FakeNetworkOperation, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    const failure = this.#failures.find(
      (candidate) => candidate.operation === operation && candidate.times > 0,
    )
    if (failure === undefined) return
    failure.times -= 1
    throw failure.error
  }
}

function sameMac(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}
