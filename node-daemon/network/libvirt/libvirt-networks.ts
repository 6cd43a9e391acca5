import type { LibvirtHost, Network } from 'node-libvirt'
import {
  LibvirtError,
  virConnectListAllNetworksFlags,
  virErrorNumber,
  virNetworkUpdateSection,
  virNetworkUpdateCommand,
  virNetworkUpdateFlags,
  virNetworkXMLFlags,
} from 'node-libvirt'
import type { Logger } from '../../../apimachinery/log.ts'
import { HypervisorError } from '../../hypervisor/hypervisor.ts'
import { attempt } from '../../hypervisor/libvirt/errors.ts'
import { Turnstile } from '../../hypervisor/libvirt/turnstile.ts'
import { renderXml } from '../../hypervisor/libvirt/xml/element.ts'
import type { NatNetworkSpec } from '../nat-network.ts'
import { checkNatNetwork, natBridgeName } from '../nat-network.ts'
import type { DhcpHost, NetworkDriver, NetworkSpecOnHost } from '../network-driver.ts'
import { contains, formatAddress, overlap, parseSubnet } from '../subnet.ts'
import type { DhcpChange } from './dhcp-hosts.ts'
import { planDhcpHost, planDhcpRemoval } from './dhcp-hosts.ts'
import { hasBridge } from './host-bridge.ts'
import type { NetworkDocument } from './network-document.ts'
import { parseNetwork, settingsOf } from './network-document.ts'
import type { DhcpEntry } from './network-xml.ts'
import { dhcpHost, libvirtNetworkName, libvirtNetworkPrefix, natNetwork } from './network-xml.ts'
import { PacketFilter } from './packet-filter.ts'
import { isPluggedInto } from './plugged-in.ts'
import type { Lease } from './release-message.ts'
import type { RunProgram } from './run-program.ts'
import { runHere } from './run-program.ts'
import type { SendBroadcast } from './send-broadcast.ts'
import { broadcastHere } from './send-broadcast.ts'
import { StaleLeases } from './stale-leases.ts'

export interface LibvirtNetworksDeps {
  /** From `openLibvirt`; shared with the hypervisor. */
  readonly libvirt: LibvirtHost
  readonly log: Logger
  /** Runs programs where the bridges are; by default beside this process. */
  readonly run?: RunProgram
  /** Sends datagrams where the bridges are; by default from this process. */
  readonly send?: SendBroadcast
}

/** NAT networks run by libvirt (bridge and dnsmasq) and the host's packet filter, and bridges that the host has. */
export function libvirtNetworks(deps: LibvirtNetworksDeps): NetworkDriver {
  return new LibvirtNetworks(deps)
}

interface ExistingNetwork {
  readonly net: Network
  readonly active: boolean
  /** What the next start will bring. */
  readonly config: NetworkDocument
  /** What is in force; the same as `config` while the network is down. */
  readonly live: NetworkDocument
}

class LibvirtNetworks implements NetworkDriver {
  readonly #libvirt: LibvirtHost
  readonly #log: Logger
  readonly #filter: PacketFilter
  readonly #leases: StaleLeases
  /** One change at a time: two at once could each undo what the other read. */
  readonly #changes = new Turnstile(1)

  constructor({ libvirt, log, run = runHere, send = broadcastHere }: LibvirtNetworksDeps) {
    this.#libvirt = libvirt
    this.#log = log
    this.#filter = new PacketFilter(run, log)
    this.#leases = new StaleLeases({ libvirt, log, send })
    libvirt.on('state', (state) => {
      if (state === 'down') this.#filter.forget()
    })
  }

  ensureNetwork(spec: NetworkSpecOnHost, signal?: AbortSignal): Promise<{ readonly bridge: string }> {
    return attempt(`bring up network ${spec.name}`, async () => {
      if (spec.type === 'nat') return this.#changes.through(() => this.#ensureNat(spec, signal))
      if (await hasBridge(this.#libvirt, spec.bridge, signal)) return { bridge: spec.bridge }
      throw new HypervisorError('not-found', `this host has no bridge ${spec.bridge}`)
    })
  }

  ensureDhcpHost(network: string, host: DhcpHost, signal?: AbortSignal): Promise<void> {
    return attempt(`give ${host.ipAddress} to ${host.macAddress} on network ${network}`, () =>
      this.#changes.through(async () => {
        const existing = await this.#readOurs(network, signal)
        if (existing === undefined)
          throw new HypervisorError('not-found', `this host has no network ${network}`)
        const subnet = existing.config.subnets[0]
        if (subnet === undefined || !contains(subnet, host.ipAddress)) {
          const range = subnet === undefined ? 'its range' : `${formatAddress(subnet.first)}/${subnet.prefix}`
          throw new HypervisorError('invalid', `network ${network}: ${host.ipAddress} is not in ${range}`)
        }
        await this.#changeEverywhere(existing, (entries) => planDhcpHost(entries, host), signal)
        if (!existing.active) return
        const isStale = (lease: Lease) =>
          lease.ipAddress === host.ipAddress && lease.macAddress !== host.macAddress.toLowerCase()
        await this.#leases.release(existing.net, existing.live, isStale, signal)
      }),
    )
  }

  removeDhcpHost(network: string, macAddress: string, signal?: AbortSignal): Promise<void> {
    return attempt(`forget ${macAddress} on network ${network}`, () =>
      this.#changes.through(async () => {
        const existing = await this.#readOurs(network, signal)
        if (existing === undefined) return
        await this.#changeEverywhere(existing, (entries) => planDhcpRemoval(entries, macAddress), signal)
        if (!existing.active) return
        const isStale = (lease: Lease) => lease.macAddress === macAddress.toLowerCase()
        await this.#leases.release(existing.net, existing.live, isStale, signal)
      }),
    )
  }

  removeNetwork(name: string, signal?: AbortSignal): Promise<void> {
    return attempt(`remove network ${name}`, () =>
      this.#changes.through(async () => {
        const existing = await this.#read(name, signal)
        if (existing === undefined || existing.config.owner !== name) return
        const { net, active } = existing
        if (active) await this.#libvirt.job('networkDestroy', { net }, { signal })
        await this.#libvirt.query('networkUndefine', { net }, { signal })
        await this.#applyFilter(signal)
      }),
    )
  }

  listNetworks(signal?: AbortSignal): Promise<readonly string[]> {
    return attempt('list the networks of this host', async () => {
      const documents = await this.#readAll(isPrefixed, signal)
      return documents.flatMap(({ owner }) => (owner === undefined ? [] : [owner]))
    })
  }

  async #ensureNat(
    spec: NatNetworkSpec,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly bridge: string }> {
    checkNatNetwork(spec)
    const bridge = natBridgeName(spec.name)
    const wanted = settingsOf(spec)
    const existing = await this.#readOurs(spec.name, signal)
    const net = await this.#ensureDefined(spec, existing, signal)
    const wasUp = existing?.active === true
    if (!wasUp) await this.#start(net, signal)
    const keepsOld =
      wasUp && existing.live.settings !== wanted && !(await this.#restartIfEmpty(net, bridge, signal))
    const [subnet = parseSubnet(spec.cidr)] = keepsOld ? existing.live.subnets : []
    if (!this.#filter.covers({ bridge, subnet })) await this.#applyFilter(signal)
    return { bridge }
  }

  async #ensureDefined(
    spec: NatNetworkSpec,
    existing: ExistingNetwork | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Network> {
    if (existing?.config.settings === settingsOf(spec)) return existing.net
    await this.#refuseOverlap(spec, signal)
    return this.#define(spec, existing?.config, signal)
  }

  /** The packet filter gets the rules of every network of ours that is up. */
  async #applyFilter(signal: AbortSignal | undefined): Promise<void> {
    const active = virConnectListAllNetworksFlags.VIR_CONNECT_LIST_NETWORKS_ACTIVE
    const documents = await this.#readAll(isPrefixed, signal, active)
    await this.#filter.apply(
      documents.flatMap(({ owner, subnets: [subnet] }) =>
        owner === undefined || subnet === undefined ? [] : [{ bridge: natBridgeName(owner), subnet }],
      ),
    )
  }

  async #define(
    spec: NatNetworkSpec,
    before: NetworkDocument | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Network> {
    const subnet = parseSubnet(spec.cidr)
    const kept = before && {
      uuid: before.uuid,
      macAddress: before.macAddress,
      hosts: before.hosts.filter((entry) => contains(subnet, entry.ipAddress)),
    }
    const { net } = await this.#libvirt.query(
      'networkDefineXml',
      { xml: renderXml(natNetwork(spec, kept)) },
      { signal },
    )
    await this.#libvirt.query('networkSetAutostart', { net, autostart: 1 }, { signal })
    this.#log.info('Defined network', {
      network: spec.name,
      bridge: natBridgeName(spec.name),
      cidr: spec.cidr,
    })
    return net
  }

  async #start(net: Network, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#libvirt.job('networkCreate', { net }, { signal })
    } catch (error) {
      // Up already: somebody else was faster.
      if (!LibvirtError.is(error, virErrorNumber.VIR_ERR_OPERATION_INVALID)) throw error
    }
  }

  /**
   * Settings other than DHCP entries take a restart of the network, which would cut off machines plugged into it.
   * False when there are such, and it stays as it is.
   */
  async #restartIfEmpty(net: Network, bridge: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (await isPluggedInto(this.#libvirt, bridge, signal)) {
      this.#log.info('Network keeps its old settings until no machine is plugged into it', {
        network: net.name,
      })
      return false
    }
    await this.#libvirt.job('networkDestroy', { net }, { signal })
    await this.#start(net, signal)
    return true
  }

  async #refuseOverlap(spec: NatNetworkSpec, signal: AbortSignal | undefined): Promise<void> {
    const subnet = parseSubnet(spec.cidr)
    const own = libvirtNetworkName(spec.name)
    for (const other of await this.#readAll((net) => net.name !== own, signal)) {
      const rival = other.subnets.find((candidate) => overlap(candidate, subnet))
      if (rival === undefined) continue
      const range = `${formatAddress(rival.first)}/${rival.prefix}`
      const whose = other.owner ?? `${other.libvirtName}, which is not managed by Kvorum`
      throw new HypervisorError(
        'conflict',
        `network ${spec.name}: ${spec.cidr} overlaps ${range} of network ${whose}`,
      )
    }
  }

  async #readOurs(name: string, signal: AbortSignal | undefined): Promise<ExistingNetwork | undefined> {
    const existing = await this.#read(name, signal)
    if (existing === undefined || existing.config.owner === name) return existing
    throw new HypervisorError(
      'conflict',
      `network ${existing.net.name} exists on this host and is not managed by Kvorum`,
    )
  }

  async #read(name: string, signal: AbortSignal | undefined): Promise<ExistingNetwork | undefined> {
    try {
      const { net } = await this.#libvirt.query(
        'networkLookupByName',
        { name: libvirtNetworkName(name) },
        { signal },
      )
      const flags = virNetworkXMLFlags.VIR_NETWORK_XML_INACTIVE
      const [config, live, { active }] = await Promise.all([
        this.#libvirt.query('networkGetXmlDesc', { net, flags }, { signal }),
        this.#libvirt.query('networkGetXmlDesc', { net }, { signal }),
        this.#libvirt.query('networkIsActive', { net }, { signal }),
      ])
      return { net, active: active === 1, config: parseNetwork(config.xml), live: parseNetwork(live.xml) }
    } catch (error) {
      if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_NETWORK)) return undefined
      throw error
    }
  }

  async #readAll(
    matches: (net: Network) => boolean,
    signal: AbortSignal | undefined,
    flags = 0,
  ): Promise<readonly NetworkDocument[]> {
    const { nets } = await this.#libvirt.query(
      'connectListAllNetworks',
      { needResults: 1, flags },
      { signal },
    )
    const documents = await Promise.all(
      nets.filter(matches).map(async (net) => {
        try {
          return parseNetwork((await this.#libvirt.query('networkGetXmlDesc', { net }, { signal })).xml)
        } catch (error) {
          if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_NETWORK)) return undefined
          throw error
        }
      }),
    )
    return documents.filter((found) => found !== undefined)
  }

  /** Changes DHCP entries where they differ: in the running network, in its definition, or both. */
  async #changeEverywhere(
    { net, active, config, live }: ExistingNetwork,
    plan: (entries: readonly DhcpEntry[]) => DhcpChange,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { VIR_NETWORK_UPDATE_AFFECT_CONFIG: inConfig, VIR_NETWORK_UPDATE_AFFECT_LIVE: inLive } =
      virNetworkUpdateFlags
    if (!active) return this.#change(net, plan(config.hosts), inConfig, signal)
    if (JSON.stringify(config.hosts) === JSON.stringify(live.hosts))
      return this.#change(net, plan(live.hosts), inConfig | inLive, signal)
    await this.#change(net, plan(config.hosts), inConfig, signal)
    await this.#change(net, plan(live.hosts), inLive, signal)
  }

  async #change(
    net: Network,
    { remove, add }: DhcpChange,
    flags: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { VIR_NETWORK_UPDATE_COMMAND_DELETE: del, VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST: addFirst } =
      virNetworkUpdateCommand
    const section = virNetworkUpdateSection.VIR_NETWORK_SECTION_IP_DHCP_HOST
    const update = (command: number, entry: DhcpEntry) =>
      this.#libvirt.job(
        'networkUpdate',
        { net, command, section, parentIndex: -1, xml: renderXml(dhcpHost(entry)), flags },
        { signal },
      )
    for (const entry of remove) await update(del, entry)
    for (const entry of add) await update(addFirst, entry)
  }
}

function isPrefixed(net: Network): boolean {
  return net.name.startsWith(libvirtNetworkPrefix)
}
