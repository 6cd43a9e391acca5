import type { Stored } from '../../crds/meta/object-meta.ts'
import type { Disk } from '../../crds/v1alpha1/disk.ts'
import type {
  VirtualMachineInstance,
  VmiDriftedReason,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainStateReason, ObservedDomain } from '../hypervisor/hypervisor.ts'

/** A disk of the run, as it stands on this host. */
export type DiskNeed =
  | {
      readonly state: 'ready'
      readonly name: string
      readonly path: string
      readonly format: 'qcow2' | 'raw'
    }
  /** A CD-ROM drive without a medium. */
  | { readonly state: 'empty'; readonly name: string }
  /** On local storage and of no host yet: this host may have it. */
  | { readonly state: 'claimable'; readonly name: string; readonly disk: Stored<Disk> }
  | { readonly state: 'waiting'; readonly name: string; readonly message: string }

/** A network of the run, as it stands on this host. */
export type NetworkNeed =
  | { readonly state: 'ready'; readonly name: string; readonly bridge: string; readonly mtu?: number }
  | { readonly state: 'waiting'; readonly name: string; readonly message: string }

/** Everything that a decision about one run depends on. */
export interface Situation {
  readonly run: Stored<VirtualMachineInstance>
  /** The domain that is this run's by its metadata. */
  readonly domain: ObservedDomain | undefined
  /** Empty unless the run has yet to start. */
  readonly disks: readonly DiskNeed[]
  readonly networks: readonly NetworkNeed[]
  /** What the last event said about the domain's state. */
  readonly lastReason: DomainStateReason | undefined
  /** Wall clock, in milliseconds. */
  readonly now: number
  readonly hostBootedAt: number
  /** Undefined: this daemon has not asked yet. */
  readonly msSinceShutdownAsked: number | undefined
  /** What is left to wait after a failed start, or before the run's turn comes after the host has restarted. */
  readonly startBackoffMs: number
  /** The file of a run that is asleep or falls asleep; undefined for any other. */
  readonly memory: 'none' | 'partial' | 'complete' | undefined
  /** Undefined: this daemon has not tried. */
  readonly msSinceResumeTried: number | undefined
  /** What is left to wait after memory could not be saved. */
  readonly suspendBackoffMs: number
  /** How the stored definition compares with what the run was started with; undefined when that is not known. */
  readonly definition: 'ours' | 'changed' | 'missing' | undefined
}

/** What somebody changed behind Kvorum. */
export type Drift = Exclude<keyof typeof VmiDriftedReason, 'AsDeclared'>

/** What to do next about one run. After each but `wait`, `shutdown`, `report-running` and `nothing` one looks again. */
export type Action =
  | { readonly type: 'add-finalizer' }
  | { readonly type: 'claim-disks'; readonly disks: readonly Stored<Disk>[] }
  | {
      readonly type: 'wait'
      readonly reason: 'WaitingForDisks' | 'WaitingForNetworks'
      readonly message: string
    }
  | { readonly type: 'start' }
  | { readonly type: 'report-running'; readonly drift?: Drift | undefined; readonly wakeAfterMs?: number }
  | {
      readonly type: 'report-paused'
      readonly reason: 'Paused' | 'PausedByError' | 'PausedByWatchdog'
      readonly drift?: Drift | undefined
      readonly wakeAfterMs?: number
    }
  /** With `reverts`: somebody else had it otherwise. */
  | { readonly type: 'pause'; readonly reverts?: true }
  | { readonly type: 'resume'; readonly reverts?: true }
  | { readonly type: 'put-definition'; readonly drift: Drift }
  /** Save the memory and end the process; the intent is stored first. */
  | { readonly type: 'suspend' }
  | { readonly type: 'record-suspended' }
  /** Bring it back, paused; the intent is stored first. */
  | { readonly type: 'restore' }
  /** It is back: its memory file is of no use from now on. */
  | { readonly type: 'finish-restore' }
  /** Somebody started it without its memory, which fits the disks no more. */
  | { readonly type: 'abandon-memory' }
  | { readonly type: 'shutdown'; readonly wakeAfterMs: number }
  | { readonly type: 'destroy' }
  | { readonly type: 'record-end' }
  | { readonly type: 'undefine' }
  /** Give back what the host kept for the run and let the object go. */
  | { readonly type: 'release' }
  | { readonly type: 'nothing'; readonly wakeAfterMs?: number }
