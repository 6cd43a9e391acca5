import type { Logger } from '../../../apimachinery/log.ts'
import { HypervisorError } from '../../hypervisor/hypervisor.ts'
import type { FilteredNetwork } from './packet-rules.ts'
import { packetRules } from './packet-rules.ts'
import type { ProgramResult, RunProgram } from './run-program.ts'

/**
 * The host's packet filter, as far as NAT networks need it. libvirt could do this, but it takes all rules of a network
 * down and up again with some forty programs for every DHCP entry, a third of a second each; this takes three programs
 * when a network comes or goes, and none for a DHCP entry.
 */
export class PacketFilter {
  readonly #run: RunProgram
  readonly #log: Logger
  #applied: readonly FilteredNetwork[] = []
  #warned = false

  constructor(run: RunProgram, log: Logger) {
    this.#run = run
    this.#log = log
  }

  /** Whether the network is among those that were applied last. */
  covers(network: FilteredNetwork): boolean {
    return this.#applied.some((other) => JSON.stringify(other) === JSON.stringify(network))
  }

  /** Makes the rules those of exactly these networks. */
  async apply(networks: readonly FilteredNetwork[]): Promise<void> {
    if (!(await this.#seesBridgesOf(networks))) return
    const [nat, filter] = await Promise.all([this.#iptables('nat'), this.#iptables('filter')])
    const rules = packetRules(networks, { nat: nat.stdout, filter: filter.stdout })
    await this.#succeed(['iptables-restore', '-w', '--noflush'], rules)
    this.#applied = networks
  }

  /** Somebody may have changed the packet filter: the next network that is looked at is applied again. */
  forget(): void {
    this.#applied = []
  }

  /** A daemon that is kept apart from the host's network must not change the packet filter where it happens to be. */
  async #seesBridgesOf(networks: readonly FilteredNetwork[]): Promise<boolean> {
    for (const { bridge } of networks) {
      const { code } = await this.#run(['test', '-d', `/sys/class/net/${bridge}`])
      if (code === 0) continue
      if (!this.#warned)
        this.#log.warn('Not setting up NAT: the bridge is not in the network that this process sees', {
          bridge,
        })
      return false
    }
    return true
  }

  #iptables(table: string): Promise<ProgramResult> {
    return this.#succeed(['iptables', '-w', '-t', table, '-S'])
  }

  async #succeed(argv: readonly string[], input?: string): Promise<ProgramResult> {
    let result: ProgramResult
    try {
      result = await this.#run(argv, input)
    } catch (cause) {
      throw new HypervisorError(
        'failed',
        `cannot run ${argv[0]}, which NAT networks need; is iptables installed?`,
        {
          cause,
        },
      )
    }
    if (result.code === 0) return result
    const reason = result.stderr.trim().split('\n').at(-1) ?? ''
    throw new HypervisorError('failed', `${argv[0]} failed with ${result.code}: ${reason.slice(0, 300)}`)
  }
}
