import type { DomainSpec } from '../../node-daemon/hypervisor/domain-spec.ts'
import type { Hypervisor } from '../../node-daemon/hypervisor/hypervisor.ts'

/** A hypervisor under test, with the means to do to it what the world does. */
export interface HypervisorUnderTest {
  readonly hypervisor: Hypervisor
  /** A bridge that interfaces can be plugged into. */
  readonly bridge: string
  /** A new disk with the boot-sector guest: it echoes its console and obeys the power button. */
  newDisk(): Promise<string>
  /** Resolves once the guest would hear a power button or what is typed. */
  guestIsUp(spec: DomainSpec): Promise<void>
  /** The guest switches itself off. */
  guestPowerOff(spec: DomainSpec): Promise<void>
  /** The guest's kernel panics. */
  guestCrash(spec: DomainSpec): Promise<void>
  /** `kill -9` of the machine's process. */
  killProcess(spec: DomainSpec): Promise<void>
  /** `virsh destroy` by somebody else. */
  destroyByHand(spec: DomainSpec): Promise<void>
  /** Defines a domain that is not Kvorum's. */
  addForeignDomain(uuid: string, name: string): Promise<void>
  /** Cuts the connection in a way that no machine notices, and brings it back. */
  disconnect(): Promise<void>
  reconnect(): Promise<void>
  /** Names of files and the like that the domain left on the host. */
  leftovers(spec: DomainSpec): Promise<readonly string[]>
  dispose(): Promise<void>
}
