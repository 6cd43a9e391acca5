import type { ObjectCache } from '../../apimachinery/client/informer.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Network } from '../../crds/v1alpha1/network.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import type { NetworkDriver } from '../network/network-driver.ts'
import type { NameRecords } from '../records/name-records.ts'
import type { NetworkAttachment, NetworkLookup } from './attachments.ts'
import { networkOnHost } from './network-on-host.ts'

export interface NetworkAttachmentsDeps {
  readonly networks: ObjectCache<Network>
  /** As the server has it now. */
  readonly getLive: (name: string, signal: AbortSignal) => Promise<Stored<Network> | undefined>
  readonly driver: NetworkDriver
  /** Networks that this installation has made here. */
  readonly records: NameRecords
  /** Whether a machine of this host is plugged into the network, or will be. */
  readonly inUse: (name: string) => boolean
  readonly log: Logger
  /** Called when something about a network has changed. */
  readonly onChange: (name: string) => void
}

// Somebody may take a network down behind us.
const checkEveryMs = 30_000
const retryMs = 2_000

/** Brings every Network up on this host, and takes down those that are gone. */
export class NetworkAttachments implements NetworkLookup {
  readonly #deps: NetworkAttachmentsDeps
  readonly #attached = new Map<string, NetworkAttachment>()

  constructor(deps: NetworkAttachmentsDeps) {
    this.#deps = deps
  }

  get(name: string): NetworkAttachment | undefined {
    return this.#attached.get(name)
  }

  list(): readonly NetworkAttachment[] {
    return [...this.#attached.values()]
  }

  isNat(name: string): boolean {
    return this.#deps.networks.get(name)?.spec.type === 'nat'
  }

  /** One look at the network; says when to look again. */
  async reconcile(name: string, signal: AbortSignal): Promise<number | undefined> {
    const network = this.#deps.networks.get(name)
    if (network === undefined) return this.#remove(name, signal)
    const before = this.#attached.get(name)
    const attachment = await this.#attach(network, signal)
    this.#attached.set(name, attachment)
    if (JSON.stringify(before) !== JSON.stringify(attachment)) this.#deps.onChange(name)
    return attachment.ready ? checkEveryMs : retryMs
  }

  async #attach(network: Stored<Network>, signal: AbortSignal): Promise<NetworkAttachment> {
    const { name } = network.metadata
    try {
      const spec = networkOnHost(network)
      if (spec.type === 'nat' && !(await this.#deps.records.has(name))) await this.#deps.records.add(name)
      const { bridge } = await this.#deps.driver.ensureNetwork(spec, signal)
      const { mtu } = network.spec
      return { name, ready: true, bridge, ...(mtu !== undefined && { mtu }) }
    } catch (error) {
      if (!(error instanceof HypervisorError)) throw error
      const before = this.#attached.get(name)
      // While libvirt is away nothing is known to be wrong with the network.
      if (error.code === 'unavailable' && before !== undefined) return before
      this.#deps.log.warn('Network cannot be brought up', { name, error })
      return { name, ready: false, message: error.message.slice(0, 1024) }
    }
  }

  async #remove(name: string, signal: AbortSignal): Promise<number | undefined> {
    if (this.#attached.delete(name)) this.#deps.onChange(name)
    if (!(await this.#deps.records.has(name))) return undefined
    if (this.#deps.inUse(name)) return retryMs
    if ((await this.#deps.getLive(name, signal)) !== undefined) return retryMs
    this.#deps.log.info('Removing network', { name })
    await this.#deps.driver.removeNetwork(name, signal)
    await this.#deps.records.remove(name)
    return undefined
  }
}
