import type { DomainSpec } from '../domain-spec.ts'
import type { GuestFacts, Hypervisor, HypervisorFacts, ObservedDomain, SavedMemory } from '../hypervisor.ts'

/** The calls that `failNext` can make fail. */
export type FakeOperation = Exclude<keyof Hypervisor, 'events' | 'close'>

/** What only a test or a simulator does to a fake hypervisor, and sees of it. */
export interface FakeWorld {
  /** The next `times` calls of `operation` reject with `error` and have no effect. */
  failNext(operation: FakeOperation, error: Error, times?: number): void
  /** The connection drops: calls are `unavailable`, machines go on. */
  disconnect(message?: string): void
  /** The connection is back, which every consumer of events learns as a `resync`. */
  reconnect(): void
  /** The host loses power: no machine runs any more and nobody is told. */
  powerCut(): void
  /** `poweroff` typed in the guest. */
  guestPowerOff(uuid: string): void
  /** The guest's kernel panics. */
  guestCrash(uuid: string): void
  /** The guest is reset and boots again. */
  guestReboot(uuid: string): void
  /** The guest's kernel tells that it panicked, and is ended for it. */
  guestPanic(uuid: string): void
  /** The watchdog was not fed, and does what the machine says. */
  watchdogBites(uuid: string): void
  /** A disk fails, and the machine is stopped for it. */
  ioError(uuid: string): void
  /** An administrator edits or removes the definition, as `virsh edit` and `virsh undefine` do. */
  setDefinition(uuid: string, definition: string | undefined): void
  /** What a saved memory file is said to be; undefined: somebody removed it. */
  setMemory(path: string, memory: SavedMemory | undefined): void
  /** Every file of saved memory. */
  memoryFiles(): readonly string[]
  /** The machine's process is killed. */
  killProcess(uuid: string): void
  /** An administrator powers it off behind Kvorum's back, as `virsh destroy` does. */
  destroyByHand(uuid: string): void
  /** An administrator pauses or resumes it behind Kvorum's back. */
  setPaused(uuid: string, paused: boolean): void
  /** The guest agent begins to answer; what it says defaults to name and interfaces of the machine. */
  connectAgent(uuid: string, facts?: GuestFacts): void
  disconnectAgent(uuid: string): void
  /** Whether the guest does nothing when asked to shut down. */
  ignoreShutdown(uuid: string, ignores: boolean): void
  /** A machine that is not Kvorum's. */
  addForeignDomain(domain: Pick<ObservedDomain, 'uuid' | 'name' | 'state'>): void
  /** Text that the guest prints on its console. */
  printOnConsole(uuid: string, text: string): void
  /** What the domain was last started with. */
  specOf(uuid: string): DomainSpec | undefined
  /** Size in bytes that `resizeDisk` last set. */
  diskBytes(uuid: string, path: string): number | undefined
  /** How often each call was made, failures included. */
  readonly calls: Readonly<Record<FakeOperation, number>>
}

/** The host of a fake hypervisor, unless it is told otherwise. */
export const defaultFacts: HypervisorFacts = {
  architecture: 'x86_64',
  accelerator: 'None',
  cpuModel: 'Fake',
  cpuVendor: 'Kvorum',
  cpus: 8,
  topology: { sockets: 1, cores: 8, threads: 1 },
  memoryBytes: 32 * 1024 ** 3,
}
