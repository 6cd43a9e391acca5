import type { Subnet } from '../subnet.ts'
import { formatAddress } from '../subnet.ts'

/** A NAT network as the packet filter sees it. */
export interface FilteredNetwork {
  readonly bridge: string
  readonly subnet: Subnet
}

/** The rules there are, as `iptables -S` prints them. */
export interface PresentRules {
  readonly nat: string
  readonly filter: string
}

interface Hook {
  readonly table: 'nat' | 'filter'
  /** The kernel's chain that `chain` is called from. */
  readonly from: string
  readonly chain: string
  readonly rules: (network: FilteredNetwork) => readonly string[]
}

// What may come in is decided for all networks before what may go out: else a machine could reach another network's
// machines just because its own network lets it out.
const hooks: readonly Hook[] = [
  { table: 'nat', from: 'POSTROUTING', chain: 'KVORUM-NAT', rules: translation },
  { table: 'filter', from: 'INPUT', chain: 'KVORUM-INPUT', rules: services },
  { table: 'filter', from: 'FORWARD', chain: 'KVORUM-OUT', rules: outgoing },
  { table: 'filter', from: 'FORWARD', chain: 'KVORUM-IN', rules: incoming },
]

/**
 * Input for `iptables-restore --noflush` that makes Kvorum's chains hold the rules of exactly these networks, and leaves
 * everything else in the packet filter alone. With no networks the chains go.
 */
export function packetRules(networks: readonly FilteredNetwork[], present: PresentRules): string {
  const tables = (['nat', 'filter'] as const).map((table) => {
    const ours = hooks.filter((hook) => hook.table === table)
    const body =
      networks.length === 0 ? removal(ours, present[table]) : filling(ours, networks, present[table])
    return [`*${table}`, ...body, 'COMMIT', '']
  })
  return tables.flat().join('\n')
}

function filling(ours: readonly Hook[], networks: readonly FilteredNetwork[], present: string): string[] {
  return [
    // Naming a chain here creates it, or empties it.
    ...ours.map(({ chain }) => `:${chain} - [0:0]`),
    ...ours.flatMap(({ chain, rules }) =>
      networks.flatMap((network) => rules(network).map((rule) => `-A ${chain} ${rule}`)),
    ),
    // Each is put first in turn, so that the last of the list ends up first.
    ...ours.flatMap((hook) => [...unhook(hook, present), `-I ${hook.from} 1 -j ${hook.chain}`]),
  ]
}

function removal(ours: readonly Hook[], present: string): string[] {
  return ours
    .filter(({ chain }) => lines(present).includes(`-N ${chain}`))
    .flatMap((hook) => [`:${hook.chain} - [0:0]`, ...unhook(hook, present), `-X ${hook.chain}`])
}

function unhook({ from, chain }: Hook, present: string): string[] {
  const jump = `-A ${from} -j ${chain}`
  return lines(present)
    .filter((line) => line === jump)
    .map(() => `-D ${from} -j ${chain}`)
}

function lines(rules: string): string[] {
  return rules.split('\n').map((line) => line.trim())
}

/** Machines appear to the outside with the host's address; multicast and broadcast stay as they are. */
function translation({ subnet }: FilteredNetwork): readonly string[] {
  const range = rangeOf(subnet)
  return [
    `-s ${range} -d 224.0.0.0/24 -j RETURN`,
    `-s ${range} -d 255.255.255.255/32 -j RETURN`,
    `-s ${range} ! -d ${range} -j MASQUERADE`,
  ]
}

/** DHCP and DNS of the host. */
function services({ bridge }: FilteredNetwork): readonly string[] {
  return [
    `-i ${bridge} -p udp -m udp --dport 67 -j ACCEPT`,
    `-i ${bridge} -p udp -m udp --dport 53 -j ACCEPT`,
    `-i ${bridge} -p tcp -m tcp --dport 53 -j ACCEPT`,
  ]
}

/** Only answers come in, and what machines of one network say to each other. */
function incoming({ bridge, subnet }: FilteredNetwork): readonly string[] {
  return [
    `-d ${rangeOf(subnet)} -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-i ${bridge} -o ${bridge} -j ACCEPT`,
    `-o ${bridge} -j REJECT --reject-with icmp-port-unreachable`,
  ]
}

/** Everything goes out that has an address of the network. */
function outgoing({ bridge, subnet }: FilteredNetwork): readonly string[] {
  return [
    `-s ${rangeOf(subnet)} -i ${bridge} -j ACCEPT`,
    `-i ${bridge} -j REJECT --reject-with icmp-port-unreachable`,
  ]
}

function rangeOf({ first, prefix }: Subnet): string {
  return `${formatAddress(first)}/${prefix}`
}
