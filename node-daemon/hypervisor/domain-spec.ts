import type { Devices } from '../../crds/v1alpha1/hardware/devices.ts'
import type { DiskLimits } from '../../crds/v1alpha1/hardware/disk-device.ts'
import type { Firmware, Tpm } from '../../crds/v1alpha1/hardware/firmware.ts'
import type { Bandwidth } from '../../crds/v1alpha1/hardware/network-card.ts'
import type { Cpu } from '../../crds/v1alpha1/hardware/processor.ts'

/** The run that a domain belongs to, kept in the domain's own metadata (XML namespace `kvorum.dev`). */
export interface DomainOwner {
  readonly namespace: string
  readonly name: string
  /** uid of the VirtualMachineInstance. */
  readonly uid: string
}

/** Everything that a domain is made from: the words of the API where they say it all, numbers and paths elsewhere. */
export interface DomainSpec {
  readonly owner: DomainOwner
  readonly uuid: string
  /** Unique on the host: `<namespace>_<name>`; Kubernetes names have no underscore. */
  readonly name: string
  readonly cpu: Cpu
  readonly memory: DomainMemory
  readonly firmware: Firmware
  readonly tpm?: Tpm
  /**
   * File for the firmware's variables, made from the firmware's template when missing. It outlives the domain, and so
   * does the state of the TPM; left out, both end with it.
   */
  readonly nvramPath?: string
  readonly devices: Devices
  /** Device elements as a user wrote them; well-formed, and allowed by the cluster. */
  readonly libvirtFragments?: readonly string[]
  readonly disks: readonly DomainDisk[]
  readonly interfaces: readonly DomainInterface[]
}

export interface DomainMemory {
  readonly bytes: number
  /** What it can grow to while it runs. */
  readonly maxBytes?: number
  /** What the balloon leaves to it in any case. */
  readonly guaranteedBytes?: number
  readonly hugePages?: '2Mi' | '1Gi'
}

export interface DomainDisk {
  readonly name: string
  /** Undefined: a CD-ROM drive without a medium. */
  readonly path: string | undefined
  readonly format: 'qcow2' | 'raw'
  readonly bus: 'virtio' | 'scsi' | 'sata'
  readonly type: 'Disk' | 'CdRom'
  readonly bootOrder?: number | undefined
  readonly cache: 'auto' | 'none' | 'writeback' | 'writethrough' | 'directsync' | 'unsafe'
  readonly discard: 'unmap' | 'ignore'
  readonly readOnly: boolean
  readonly serial?: string | undefined
  readonly onError: 'Stop' | 'Report' | 'Ignore'
  readonly limits?: DiskLimits | undefined
}

export interface DomainInterface {
  readonly name: string
  /** Bridge on the host to plug into. */
  readonly bridge: string
  readonly model: 'virtio' | 'e1000e' | 'e1000' | 'rtl8139'
  readonly macAddress: string
  readonly mtu?: number | undefined
  readonly linkState: 'Up' | 'Down'
  readonly queues?: number | undefined
  readonly bootOrder?: number | undefined
  readonly inbound?: Bandwidth | undefined
  readonly outbound?: Bandwidth | undefined
}
