import type { Duplex } from 'node:stream'
import type { Clock } from '../../../apimachinery/clock.ts'
import { sleep } from '../../../apimachinery/clock.ts'
import { EventQueue } from '../event-queue.ts'
import type { DomainSpec } from '../domain-spec.ts'
import type {
  DomainStateReason,
  GuestFacts,
  Hypervisor,
  HypervisorEvent,
  HypervisorFacts,
  ObservedDomain,
  SavedMemory,
} from '../hypervisor.ts'
import { HypervisorError } from '../hypervisor.ts'
import { hasProcess, refuseNamesake, refuseOtherOwner } from '../ownership.ts'
import type { FakeDomain } from './fake-domain.ts'
import { defaultFacts, type FakeOperation, type FakeWorld } from './fake-world.ts'
import { definitionFor, echoConsole, newDomain, observe, stopGuest } from './fake-domain.ts'

export interface FakeHypervisorOptions {
  readonly clock: Clock
  /** What `describe` says instead of the defaults: 8 CPUs, 32 GiB, no accelerator. */
  readonly facts?: Partial<HypervisorFacts>
  /** How long a start takes. Default 0. */
  readonly startMs?: number
  /** How long a guest takes to obey a shutdown request. Default 0. */
  readonly shutdownMs?: number
  /** How long after its start a guest's agent answers; undefined: it has none until `connectAgent`. */
  readonly agentMs?: number
  /** The address that the guest agent reports for an interface, such as the one its network's DHCP gave. */
  readonly addressOf?: (macAddress: string) => string | undefined
}

/**
 * A hypervisor in memory that behaves: machines take time to start and stop, guests obey or don't, events arrive, the
 * connection drops. What only a test or a simulator does to it is in `world`.
 */
export interface FakeHypervisor extends Hypervisor {
  readonly world: FakeWorld
}

/** Machines that exist in memory only; see `FakeWorld` for what can happen to them. */
export function fakeHypervisor(options: FakeHypervisorOptions): FakeHypervisor {
  return new InMemoryHypervisor(options)
}

class InMemoryHypervisor implements FakeHypervisor {
  readonly #options: FakeHypervisorOptions
  readonly #domains = new Map<string, FakeDomain>()
  readonly #starting = new Map<string, Promise<void>>()
  readonly #queues = new Set<EventQueue>()
  readonly #failures: { operation: FakeOperation; error: Error; times: number }[] = []
  readonly #calls: Record<FakeOperation, number> = {
    describe: 0,
    listDomains: 0,
    getDomain: 0,
    startDomain: 0,
    shutdownDomain: 0,
    destroyDomain: 0,
    undefineDomain: 0,
    guestFacts: 0,
    openConsole: 0,
    resizeDisk: 0,
    pauseDomain: 0,
    resumeDomain: 0,
    saveDomain: 0,
    restoreDomain: 0,
    savedMemory: 0,
    removeSavedMemory: 0,
    definitionOf: 0,
    putDefinition: 0,
  }
  readonly #memory = new Map<string, SavedMemory>()
  #disconnected: string | undefined
  readonly world: FakeWorld

  constructor(options: FakeHypervisorOptions) {
    this.#options = options
    this.world = this.#createWorld()
  }

  async describe(signal?: AbortSignal): Promise<HypervisorFacts> {
    this.#begin('describe', signal)
    return { ...defaultFacts, ...this.#options.facts }
  }

  async listDomains(signal?: AbortSignal): Promise<readonly ObservedDomain[]> {
    this.#begin('listDomains', signal)
    return [...this.#domains.values()].map(observe)
  }

  async getDomain(uuid: string, signal?: AbortSignal): Promise<ObservedDomain | undefined> {
    this.#begin('getDomain', signal)
    const domain = this.#domains.get(uuid)
    return domain === undefined ? undefined : observe(domain)
  }

  async startDomain(spec: DomainSpec, signal?: AbortSignal): Promise<void> {
    this.#begin('startDomain', signal)
    const existing = this.#domains.get(spec.uuid)
    this.#refuseConflict(spec, existing)
    if (existing !== undefined && hasProcess(existing)) return
    const running = this.#starting.get(spec.uuid) ?? this.#start(spec)
    await running
    signal?.throwIfAborted()
  }

  #refuseConflict(spec: DomainSpec, existing: FakeDomain | undefined): void {
    if (existing !== undefined) refuseOtherOwner(spec, observe(existing))
    const namesake = [...this.#domains.values()].find(
      (domain) => domain.name === spec.name && domain.uuid !== spec.uuid,
    )
    if (namesake === undefined) return
    refuseNamesake(spec, observe(namesake))
    this.#domains.delete(namesake.uuid)
  }

  #start(spec: DomainSpec): Promise<void> {
    const started = this.#startLater(spec).finally(() => this.#starting.delete(spec.uuid))
    this.#starting.set(spec.uuid, started)
    return started
  }

  async #startLater(spec: DomainSpec): Promise<void> {
    const { clock, startMs = 0, agentMs } = this.#options
    const domain = newDomain(spec.uuid, spec.name)
    domain.spec = spec
    domain.definition = definitionFor(spec)
    this.#domains.set(spec.uuid, domain)
    if (startMs > 0) await sleep(clock, startMs)
    if (this.#domains.get(spec.uuid) !== domain)
      throw new HypervisorError('failed', `domain ${spec.name} was removed while it started`)
    this.#become(domain, 'running', 'started')
    if (agentMs === 0) this.#setAgent(domain, this.#factsOf(spec))
    else if (agentMs !== undefined)
      domain.cancelLater.push(clock.after(agentMs, () => this.#setAgent(domain, this.#factsOf(spec))))
  }

  async shutdownDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    this.#begin('shutdownDomain', signal)
    const domain = this.#ours(uuid)
    if (domain === undefined || !hasProcess(domain) || domain.ignoresShutdown) return
    const { clock, shutdownMs = 0 } = this.#options
    const powerOff = () => this.#end(domain, 'shut-off', 'guest-shutdown')
    if (shutdownMs === 0) return powerOff()
    if (domain.state !== 'shutting-down') domain.cancelLater.push(clock.after(shutdownMs, powerOff))
    this.#become(domain, 'shutting-down', 'unknown')
  }

  async destroyDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    this.#begin('destroyDomain', signal)
    await this.#starting.get(uuid)
    const domain = this.#ours(uuid)
    if (domain !== undefined && hasProcess(domain)) this.#end(domain, 'shut-off', 'destroyed')
  }

  async pauseDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    this.#begin('pauseDomain', signal)
    const domain = this.#running(uuid)
    if (domain.state !== 'paused') this.#become(domain, 'paused', 'unknown')
  }

  async resumeDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    this.#begin('resumeDomain', signal)
    const domain = this.#running(uuid)
    if (domain.state === 'paused') this.#become(domain, 'running', 'started')
  }

  async saveDomain(uuid: string, path: string, signal?: AbortSignal): Promise<void> {
    this.#begin('saveDomain', signal)
    const domain = this.#running(uuid)
    this.#memory.set(path, { complete: true, bytes: domain.spec?.memory.bytes ?? 0 })
    this.#end(domain, 'shut-off', 'saved')
  }

  async restoreDomain(spec: DomainSpec, path: string, signal?: AbortSignal): Promise<void> {
    this.#begin('restoreDomain', signal)
    const existing = this.#domains.get(spec.uuid)
    this.#refuseConflict(spec, existing)
    if (existing !== undefined && hasProcess(existing)) return
    if (this.#memory.get(path)?.complete !== true)
      throw new HypervisorError('failed', `cannot restore domain ${spec.name}: ${path} holds no memory`)
    const domain = existing ?? newDomain(spec.uuid, spec.name)
    domain.spec = spec
    domain.definition ??= definitionFor(spec)
    this.#domains.set(spec.uuid, domain)
    this.#become(domain, 'paused', 'unknown')
  }

  async savedMemory(path: string): Promise<SavedMemory | undefined> {
    this.#begin('savedMemory', undefined)
    return this.#memory.get(path)
  }

  async removeSavedMemory(path: string): Promise<void> {
    this.#begin('removeSavedMemory', undefined)
    this.#memory.delete(path)
  }

  async definitionOf(uuid: string, signal?: AbortSignal): Promise<string | undefined> {
    this.#begin('definitionOf', signal)
    return this.#domains.get(uuid)?.definition
  }

  async putDefinition(definition: string, signal?: AbortSignal): Promise<void> {
    this.#begin('putDefinition', signal)
    const { uuid } = JSON.parse(definition) as { readonly uuid: string }
    const domain = this.#domains.get(uuid)
    if (domain === undefined) throw new HypervisorError('not-found', `no domain ${uuid} on this host`)
    domain.definition = definition
    this.#publish({ type: 'domain', uuid })
  }

  async undefineDomain(uuid: string, signal?: AbortSignal): Promise<void> {
    this.#begin('undefineDomain', signal)
    const domain = this.#ours(uuid)
    if (domain === undefined) return
    if (hasProcess(domain) || this.#starting.has(uuid))
      throw new HypervisorError('conflict', `domain ${domain.name} runs: power it off before it is undefined`)
    this.#domains.delete(uuid)
    this.#publish({ type: 'domain', uuid })
  }

  async guestFacts(uuid: string, timeoutMs: number, signal?: AbortSignal): Promise<GuestFacts | undefined> {
    this.#begin('guestFacts', signal)
    if (!(timeoutMs > 0)) throw new HypervisorError('invalid', 'timeoutMs must be greater than 0')
    const domain = this.#domains.get(uuid)
    return domain !== undefined && hasProcess(domain) ? domain.guest : undefined
  }

  async openConsole(uuid: string): Promise<Duplex> {
    this.#begin('openConsole', undefined)
    const domain = this.#running(uuid)
    domain.console?.destroy()
    domain.console = echoConsole()
    return domain.console
  }

  async resizeDisk(uuid: string, path: string, bytes: number, signal?: AbortSignal): Promise<void> {
    this.#begin('resizeDisk', signal)
    const domain = this.#running(uuid)
    if (!domain.spec?.disks.some((disk) => disk.path === path))
      throw new HypervisorError('not-found', `domain ${domain.name} has no disk ${path}`)
    domain.diskBytes.set(path, bytes)
  }

  events(signal: AbortSignal): AsyncIterable<HypervisorEvent> {
    const queue: EventQueue = new EventQueue(signal, { onEnd: () => this.#queues.delete(queue) })
    if (!signal.aborted) this.#queues.add(queue)
    queue.add(
      this.#disconnected === undefined
        ? { type: 'resync' }
        : { type: 'disconnected', message: this.#disconnected },
    )
    return queue
  }

  async close(): Promise<void> {
    this.#disconnected = 'the connection was closed'
    for (const queue of this.#queues) queue.end()
    for (const domain of this.#domains.values()) domain.console?.destroy()
  }

  #begin(operation: FakeOperation, signal: AbortSignal | undefined): void {
    this.#calls[operation] += 1
    signal?.throwIfAborted()
    if (this.#disconnected !== undefined) throw new HypervisorError('unavailable', this.#disconnected)
    const failure = this.#failures.find(
      (candidate) => candidate.operation === operation && candidate.times > 0,
    )
    if (failure === undefined) return
    failure.times -= 1
    throw failure.error
  }

  #ours(uuid: string): FakeDomain | undefined {
    const domain = this.#domains.get(uuid)
    if (domain !== undefined && domain.spec === undefined)
      throw new HypervisorError('conflict', `domain ${domain.name} is not managed by Kvorum`)
    return domain
  }

  #running(uuid: string): FakeDomain {
    const domain = this.#ours(uuid)
    if (domain === undefined) throw new HypervisorError('not-found', `no domain ${uuid} on this host`)
    if (!hasProcess(domain)) throw new HypervisorError('conflict', `domain ${domain.name} does not run`)
    return domain
  }

  #become(domain: FakeDomain, state: FakeDomain['state'], stateReason: DomainStateReason): void {
    domain.state = state
    domain.stateReason = stateReason
    this.#publish({ type: 'domain', uuid: domain.uuid, state, stateReason })
  }

  #end(domain: FakeDomain, state: 'shut-off' | 'crashed', reason: DomainStateReason): void {
    if (!hasProcess(domain)) return
    stopGuest(domain)
    this.#become(domain, state, reason)
  }

  #watchdog(domain: FakeDomain): void {
    switch (domain.spec?.devices.watchdog?.action ?? 'None') {
      case 'Reset':
        return this.#publish({ type: 'reboot', uuid: domain.uuid })
      case 'PowerOff':
        return this.#end(domain, 'shut-off', 'watchdog')
      case 'Pause':
        return this.#become(domain, 'paused', 'watchdog')
      case 'None':
    }
  }

  #setAgent(domain: FakeDomain, guest: GuestFacts | undefined): void {
    domain.guest = guest
    this.#publish({ type: 'agent', uuid: domain.uuid, connected: guest !== undefined })
  }

  #factsOf(spec: DomainSpec): GuestFacts {
    return {
      hostname: spec.owner.name,
      operatingSystem: 'Fake OS 1.0',
      agentVersion: '1.0.0',
      interfaces: spec.interfaces.map(({ macAddress }, index) => {
        const address = this.#options.addressOf?.(macAddress)
        return { guestName: `eth${index}`, macAddress, ipAddresses: address === undefined ? [] : [address] }
      }),
    }
  }

  #publish(event: HypervisorEvent): void {
    if (this.#disconnected !== undefined && event.type !== 'disconnected') return
    for (const queue of this.#queues) queue.add(event)
  }

  #createWorld(): FakeWorld {
    const find = (uuid: string): FakeDomain => {
      const domain = this.#domains.get(uuid)
      if (domain === undefined) throw new Error(`the fake hypervisor has no domain ${uuid}`)
      return domain
    }
    return {
      calls: this.#calls,
      failNext: (operation, error, times = 1) => void this.#failures.push({ operation, error, times }),
      disconnect: (message = 'the connection to the hypervisor was lost') => {
        this.#disconnected = message
        this.#publish({ type: 'disconnected', message })
      },
      reconnect: () => {
        this.#disconnected = undefined
        this.#publish({ type: 'resync' })
      },
      powerCut: () => {
        for (const domain of this.#domains.values()) {
          stopGuest(domain)
          domain.state = 'shut-off'
          domain.stateReason = 'unknown'
        }
      },
      guestPowerOff: (uuid) => this.#end(find(uuid), 'shut-off', 'guest-shutdown'),
      guestCrash: (uuid) => this.#end(find(uuid), 'shut-off', 'crashed'),
      guestReboot: (uuid) => this.#publish({ type: 'reboot', uuid: find(uuid).uuid }),
      guestPanic: (uuid) => this.#end(find(uuid), 'shut-off', 'panicked'),
      watchdogBites: (uuid) => this.#watchdog(find(uuid)),
      ioError: (uuid) => this.#become(find(uuid), 'paused', 'io-error'),
      setDefinition: (uuid, definition) => {
        find(uuid).definition = definition
        this.#publish({ type: 'domain', uuid })
      },
      setMemory: (path, memory) =>
        void (memory === undefined ? this.#memory.delete(path) : this.#memory.set(path, memory)),
      memoryFiles: () => [...this.#memory.keys()],
      killProcess: (uuid) => this.#end(find(uuid), 'shut-off', 'crashed'),
      destroyByHand: (uuid) => this.#end(find(uuid), 'shut-off', 'destroyed'),
      setPaused: (uuid, paused) =>
        this.#become(find(uuid), paused ? 'paused' : 'running', paused ? 'unknown' : 'started'),
      connectAgent: (uuid, facts) => {
        const domain = find(uuid)
        if (domain.spec !== undefined) this.#setAgent(domain, facts ?? this.#factsOf(domain.spec))
      },
      disconnectAgent: (uuid) => this.#setAgent(find(uuid), undefined),
      ignoreShutdown: (uuid, ignores) => void (find(uuid).ignoresShutdown = ignores),
      addForeignDomain: ({ uuid, name, state }) => {
        const domain = newDomain(uuid, name)
        this.#domains.set(uuid, domain)
        this.#become(domain, state, 'unknown')
      },
      printOnConsole: (uuid, text) => void find(uuid).console?.push(text),
      specOf: (uuid) => this.#domains.get(uuid)?.spec,
      diskBytes: (uuid, path) => this.#domains.get(uuid)?.diskBytes.get(path),
    }
  }
}
