import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type { Image } from '../../crds/v1alpha1/image.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { NetworkLookup, StorageLookup } from '../attachment/attachments.ts'
import type { DaemonMetrics } from '../daemon-metrics.ts'
import type { DiskUse } from '../disk/disk-use.ts'
import type { Hypervisor } from '../hypervisor/hypervisor.ts'
import type { Backoff } from '../loop/backoff.ts'
import type { NetworkDriver } from '../network/network-driver.ts'
import type { FreshObjects } from '../objects/fresh-objects.ts'
import type { GuestWatch } from './guest-watch.ts'
import type { RunRecords } from './run-records.ts'

/** What driving the machines of this host takes. */
export interface MachineDeps {
  readonly hostName: string
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly metrics?: DaemonMetrics | undefined
  readonly runs: FreshObjects<VirtualMachineInstance>
  readonly disks: FreshObjects<Disk>
  /** Media of CD-ROM drives. */
  readonly images: FreshObjects<Image>
  readonly hypervisor: Hypervisor
  readonly networkDriver: NetworkDriver
  readonly storage: StorageLookup
  readonly networks: NetworkLookup
  /** Whether a network of this name is one with DHCP of this host. */
  readonly isNat: (network: string) => boolean
  readonly guests: GuestWatch
  readonly records: RunRecords
  readonly diskUse: DiskUse
  readonly startBackoff: Backoff
  /** Whether this host's lease is valid, so that it may start machines. */
  readonly leaseHeld: () => boolean
  /** Wall clock, in milliseconds. */
  readonly hostBootedAt: number
}
