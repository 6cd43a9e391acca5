import { rm } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import type { LibvirtHost } from 'node-libvirt'
import { LibvirtError, virDomainBlockResizeFlags, virDomainConsoleFlags, virErrorNumber } from 'node-libvirt'
import type { Clock } from '../../../apimachinery/clock.ts'
import type { Logger } from '../../../apimachinery/log.ts'
import type { DomainSpec } from '../domain-spec.ts'
import type {
  GuestFacts,
  Hypervisor,
  HypervisorEvent,
  HypervisorFacts,
  ObservedDomain,
  SavedMemory,
} from '../hypervisor.ts'
import { HypervisorError } from '../hypervisor.ts'
import { hasProcess } from '../ownership.ts'
import { attempt } from './errors.ts'
import { EventSource } from './event-source.ts'
import { GuestAgent } from './guest-agent.ts'
import { readHostFacts } from './host-facts.ts'
import { probeAccelerator } from './kvm-probe.ts'
import { DomainReader, domainHandle, orMissing } from './observe-domain.ts'
import { shutdownDomain } from './shutdown-domain.ts'
import { setPaused } from './pause-domain.ts'
import { readDefinition } from './definition.ts'
import { readSavedMemory, restoreDomain, saveDomain } from './save-domain.ts'
import { renderDomain, startDomain } from './start-domain.ts'
import { undefineDomain } from './undefine-domain.ts'
import type { Accelerator } from './xml/cpu.ts'

export interface LibvirtHypervisorDeps {
  /** From `openLibvirt`; stays open when the hypervisor is closed. */
  readonly libvirt: LibvirtHost
  readonly clock: Clock
  readonly log: Logger
}

/** Machines run by QEMU through libvirt. */
export function libvirtHypervisor(deps: LibvirtHypervisorDeps): Hypervisor {
  return new LibvirtHypervisor(deps)
}

class LibvirtHypervisor implements Hypervisor {
  readonly #libvirt: LibvirtHost
  readonly #log: Logger
  readonly #reader: DomainReader
  readonly #agent: GuestAgent
  readonly #events: EventSource
  readonly #starting = new Map<string, Promise<void>>()
  #accelerator: Promise<HypervisorFacts['accelerator']> | undefined

  constructor({ libvirt, clock, log }: LibvirtHypervisorDeps) {
    this.#libvirt = libvirt
    this.#log = log
    this.#reader = new DomainReader(libvirt, log)
    this.#agent = new GuestAgent(libvirt, clock)
    this.#events = new EventSource(libvirt)
    libvirt.on('state', this.#forgetAccelerator)
  }

  describe(signal?: AbortSignal): Promise<HypervisorFacts> {
    return attempt('read the facts of this host', async () => {
      const [facts, accelerator] = await Promise.all([
        readHostFacts(this.#libvirt, signal),
        this.#findAccelerator(),
      ])
      return { ...facts, accelerator }
    })
  }

  listDomains(signal?: AbortSignal): Promise<readonly ObservedDomain[]> {
    return attempt('list the domains of this host', async () => {
      const domains = await this.#reader.list(signal)
      return domains.map((domain) => this.#refine(domain))
    })
  }

  getDomain(uuid: string, signal?: AbortSignal): Promise<ObservedDomain | undefined> {
    return attempt(`read domain ${uuid}`, async () => {
      const domain = await this.#reader.read(uuid, signal)
      return domain === undefined ? undefined : this.#refine(domain)
    })
  }

  async startDomain(spec: DomainSpec, signal?: AbortSignal): Promise<void> {
    // One at a time per domain: a second start waits for the first, and then finds the domain running or off.
    const before = this.#starting.get(spec.uuid)
    if (before !== undefined) await before.catch(() => {})
    const deps = {
      libvirt: this.#libvirt,
      reader: this.#reader,
      accelerator: () => this.#usableAccelerator(),
    }
    const started = startDomain(deps, spec, signal).finally(() => {
      if (this.#starting.get(spec.uuid) === started) this.#starting.delete(spec.uuid)
    })
    this.#starting.set(spec.uuid, started)
    return started
  }

  shutdownDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    return attempt(`shut down domain ${uuid}`, async () => {
      const domain = await this.#reader.readOurs(uuid, signal)
      if (domain === undefined || !hasProcess(domain)) return
      await orMissing(ifRunning(shutdownDomain(this.#libvirt, this.#agent, uuid, signal)))
    })
  }

  destroyDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    return attempt(`power off domain ${uuid}`, async () => {
      const domain = await this.#reader.readOurs(uuid, signal)
      // A domain that is just being started looks off; libvirt knows better.
      if (domain === undefined || (!hasProcess(domain) && !this.#starting.has(uuid))) return
      const request = { dom: domainHandle(uuid) }
      await orMissing(ifRunning(this.#libvirt.job('domainDestroyFlags', request, { signal })))
    })
  }

  pauseDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    return attempt(`pause domain ${uuid}`, () => setPaused(this.#domains, uuid, true, signal))
  }

  resumeDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    return attempt(`resume domain ${uuid}`, () => setPaused(this.#domains, uuid, false, signal))
  }

  saveDomain(uuid: string, path: string, signal?: AbortSignal): Promise<void> {
    return attempt(`save the memory of domain ${uuid}`, () => saveDomain(this.#domains, uuid, path, signal))
  }

  restoreDomain(spec: DomainSpec, path: string, signal?: AbortSignal): Promise<void> {
    const render = (wanted: DomainSpec) => renderDomain(wanted, () => this.#usableAccelerator())
    return attempt(`restore domain ${spec.name} with its memory`, () =>
      restoreDomain({ ...this.#domains, render }, spec, path, signal),
    )
  }

  savedMemory(path: string): Promise<SavedMemory | undefined> {
    return readSavedMemory(path)
  }

  removeSavedMemory(path: string): Promise<void> {
    return rm(path, { force: true })
  }

  definitionOf(uuid: string, signal?: AbortSignal): Promise<string | undefined> {
    return attempt(`read the definition of domain ${uuid}`, () => readDefinition(this.#libvirt, uuid, signal))
  }

  putDefinition(definition: string, signal?: AbortSignal): Promise<void> {
    return attempt('put a definition back', async () => {
      await this.#libvirt.query('domainDefineXmlFlags', { xml: definition }, { signal })
    })
  }

  undefineDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    return attempt(`undefine domain ${uuid}`, async () => {
      const domain = await this.#reader.readOurs(uuid, signal)
      if (domain === undefined) return
      if (hasProcess(domain) || this.#starting.has(uuid))
        throw new HypervisorError(
          'conflict',
          `domain ${domain.name} runs: power it off before it is undefined`,
        )
      await undefineDomain(this.#libvirt, uuid, signal)
    })
  }

  guestFacts(uuid: string, timeoutMs: number, signal?: AbortSignal): Promise<GuestFacts | undefined> {
    return attempt(`ask the guest agent of domain ${uuid}`, async () => {
      if (!(timeoutMs > 0)) throw new HypervisorError('invalid', 'timeoutMs must be greater than 0')
      return this.#agent.facts(uuid, timeoutMs, signal)
    })
  }

  openConsole(uuid: string): Promise<Duplex> {
    return attempt(`open the console of domain ${uuid}`, async () => {
      await this.#running(uuid)
      const flags = virDomainConsoleFlags.VIR_DOMAIN_CONSOLE_FORCE
      const { stream } = await this.#libvirt.stream('domainOpenConsole', { dom: domainHandle(uuid), flags })
      return stream
    })
  }

  resizeDisk(uuid: string, path: string, bytes: number, signal?: AbortSignal): Promise<void> {
    return attempt(`resize a disk of domain ${uuid}`, async () => {
      await this.#running(uuid, signal)
      const flags = virDomainBlockResizeFlags.VIR_DOMAIN_BLOCK_RESIZE_BYTES
      const request = { dom: domainHandle(uuid), disk: path, size: BigInt(bytes), flags }
      try {
        await this.#libvirt.job('domainBlockResize', request, { signal })
      } catch (error) {
        // Everything but the path is right by construction.
        if (LibvirtError.is(error, virErrorNumber.VIR_ERR_INVALID_ARG))
          throw new HypervisorError('not-found', `domain ${uuid} has no disk ${path}`, { cause: error })
        throw error
      }
    })
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    return this.#events.subscribe(signal)
  }

  async close(): Promise<void> {
    this.#libvirt.off('state', this.#forgetAccelerator)
    await this.#events.close()
  }

  get #domains() {
    return { libvirt: this.#libvirt, reader: this.#reader }
  }

  #refine(domain: ObservedDomain): ObservedDomain {
    return { ...domain, ...this.#events.refine(domain.uuid, domain) }
  }

  async #running(uuid: string, signal?: AbortSignal): Promise<void> {
    const domain = await this.#reader.readOurs(uuid, signal)
    if (domain === undefined) throw new HypervisorError('not-found', `no domain ${uuid} on this host`)
    if (!hasProcess(domain)) throw new HypervisorError('conflict', `domain ${domain.name} does not run`)
  }

  async #usableAccelerator(): Promise<Accelerator> {
    const accelerator = await this.#findAccelerator()
    if (accelerator !== 'None') return accelerator
    throw new HypervisorError('failed', 'libvirt on this host can run neither KVM nor emulated machines')
  }

  /** Found once per connection: a libvirtd that restarted may have been told otherwise. */
  #findAccelerator(): Promise<HypervisorFacts['accelerator']> {
    this.#accelerator ??= probeAccelerator(this.#libvirt, this.#log).catch((error: unknown) => {
      this.#accelerator = undefined
      throw error
    })
    return this.#accelerator
  }

  readonly #forgetAccelerator = (state: string) => {
    if (state === 'down') this.#accelerator = undefined
  }
}

/** Swallows libvirt's refusal to stop what does not run. */
async function ifRunning(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!LibvirtError.is(error, virErrorNumber.VIR_ERR_OPERATION_INVALID)) throw error
  }
}
