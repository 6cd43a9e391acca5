import type { Duplex } from 'node:stream'
import type { DomainOwner, DomainSpec } from './domain-spec.ts'

/**
 * The port to what runs machines on this host. Every call may be repeated: starting what runs, stopping what is
 * stopped and removing what is gone succeed without effect. Failures are `HypervisorError`s. Implementations:
 * `libvirt/` and `fake/`, both under test/conformance/hypervisor-conformance.ts.
 */
export interface Hypervisor {
  /** Facts about host and hypervisor. */
  describe(signal?: AbortSignal): Promise<HypervisorFacts>

  /** Every domain on the host, ours (`owner` set) and others. */
  listDomains(signal?: AbortSignal): Promise<readonly ObservedDomain[]>

  /** One domain by UUID; undefined when there is none. */
  getDomain(uuid: string, signal?: AbortSignal): Promise<ObservedDomain | undefined>

  /** Defines the domain and starts it; resolves once it runs. A domain of the same UUID but another owner is a `conflict`. */
  startDomain(spec: DomainSpec, signal?: AbortSignal): Promise<void>

  /** Asks the guest to shut down, through its agent where one answers, else through ACPI. Does not wait. */
  shutdownDomain(uuid: string, signal?: AbortSignal): Promise<void>

  /** Powers the domain off; resolves once no QEMU process of it is left. */
  destroyDomain(uuid: string, signal?: AbortSignal): Promise<void>

  /** Stops a running domain's processors; its memory stays. Waits for the end of whatever is being done to the domain. */
  pauseDomain(uuid: string, signal?: AbortSignal): Promise<void>

  /** Lets a paused domain go on. */
  resumeDomain(uuid: string, signal?: AbortSignal): Promise<void>

  /**
   * Writes the memory of a running or paused domain to a file of the host and ends its process. After a failure the
   * domain goes on as before.
   */
  saveDomain(uuid: string, path: string, signal?: AbortSignal): Promise<void>

  /**
   * Brings a domain back with the memory in the file, paused, so that nothing has changed when something fails
   * afterwards. The file stays. A domain that has a process is left as it is.
   */
  restoreDomain(spec: DomainSpec, path: string, signal?: AbortSignal): Promise<void>

  /** Undefined when there is no such file. */
  savedMemory(path: string): Promise<SavedMemory | undefined>

  /** Removes the file that `saveDomain` wrote, if it is there. */
  removeSavedMemory(path: string): Promise<void>

  /** The stored definition, to compare and to put back; undefined when there is none, even if the domain runs. */
  definitionOf(uuid: string, signal?: AbortSignal): Promise<string | undefined>

  /** Puts a definition back that `definitionOf` has answered; a running domain takes it at its next start. */
  putDefinition(definition: string, signal?: AbortSignal): Promise<void>

  /** Forgets a domain that does not run, with its NVRAM and any other state of its own. */
  undefineDomain(uuid: string, signal?: AbortSignal): Promise<void>

  /** What the guest agent tells; undefined when none answers within `timeoutMs`. */
  guestFacts(uuid: string, timeoutMs: number, signal?: AbortSignal): Promise<GuestFacts | undefined>

  /** The first serial console, both ways. A second opening takes it over from the first. Destroying the stream ends it. */
  openConsole(uuid: string): Promise<Duplex>

  /** Grows the disk of a running domain; `path` is the disk's file. */
  resizeDisk(uuid: string, path: string, bytes: number, signal?: AbortSignal): Promise<void>

  /**
   * What happens on the host. After every (re)connection comes a `resync`: list and compare, events may have been
   * missed. Ends when `signal` is aborted. The consumer being slow never blocks the hypervisor.
   */
  events(signal: AbortSignal): AsyncIterable<HypervisorEvent>

  close(): Promise<void>
}

export interface HypervisorFacts {
  readonly architecture: string
  readonly accelerator: 'KVM' | 'TCG' | 'None'
  readonly hypervisorVersion?: string
  readonly qemuVersion?: string
  readonly cpuModel?: string
  readonly cpuVendor?: string
  readonly cpus: number
  readonly topology?: { readonly sockets: number; readonly cores: number; readonly threads: number }
  readonly memoryBytes: number
}

export interface ObservedDomain {
  readonly uuid: string
  readonly name: string
  /** Undefined: not Kvorum's; never to be touched. */
  readonly owner: DomainOwner | undefined
  readonly state: 'running' | 'paused' | 'shutting-down' | 'shut-off' | 'crashed'
  /** Why it is in this state, as far as the hypervisor knows. */
  readonly stateReason: DomainStateReason
}

export interface SavedMemory {
  /** Written to the end. */
  readonly complete: boolean
  readonly bytes: number
}

/** libvirt's virDomain*Reason, as far as decisions depend on it. Of the paused states, `unknown` is somebody's wish. */
export type DomainStateReason =
  | 'started'
  | 'guest-shutdown'
  | 'destroyed'
  | 'crashed'
  | 'panicked'
  /** The watchdog has acted: powered it off, or paused it. */
  | 'watchdog'
  /** Paused because a disk failed. */
  | 'io-error'
  /** Paused for as long as the hypervisor saves or moves it. */
  | 'busy'
  | 'failed'
  | 'migrated'
  | 'saved'
  | 'unknown'

export type HypervisorEvent =
  | { readonly type: 'resync' }
  | { readonly type: 'disconnected'; readonly message: string }
  /** Something about the domain changed: look at it. `state` says what the event itself tells. */
  | {
      readonly type: 'domain'
      readonly uuid: string
      readonly state?: ObservedDomain['state']
      readonly stateReason?: DomainStateReason
    }
  /** The guest was reset, by itself or by its watchdog, and boots again in the same process. */
  | { readonly type: 'reboot'; readonly uuid: string }
  | { readonly type: 'agent'; readonly uuid: string; readonly connected: boolean }

export interface GuestFacts {
  readonly hostname?: string
  readonly operatingSystem?: string
  readonly agentVersion?: string
  readonly interfaces: readonly GuestInterface[]
}

/** From the guest, so untrusted: lengths and counts are bounded by the adapter. */
export interface GuestInterface {
  readonly guestName: string
  readonly macAddress?: string
  readonly ipAddresses: readonly string[]
}

export class HypervisorError extends Error {
  override readonly name = 'HypervisorError'
  readonly code: 'unavailable' | 'not-found' | 'conflict' | 'invalid' | 'failed' | 'timeout'

  constructor(code: HypervisorError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
