import { keyOf } from '../apimachinery/client/client.ts'
import type { Change } from '../apimachinery/client/informer.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'
import type { NetworkAttachments } from './attachment/network-attachments.ts'
import type { StorageAttachments } from './attachment/storage-attachments.ts'
import type { DiskReconciler } from './disk/disk-reconciler.ts'
import type { ImageReconciler } from './image/image-reconciler.ts'
import type { KeyedLoop } from './loop/keyed-loop.ts'
import type { GuestWatch } from './machine/guest-watch.ts'
import type { MachineReconciler } from './machine/machine-reconciler.ts'
import { diskKeysOf } from './machine/resource-needs.ts'
import type { HostInformers } from './objects/host-informers.ts'

export interface Reconcilers {
  readonly storage: StorageAttachments
  readonly networks: NetworkAttachments
  readonly guests: GuestWatch
  readonly images: ImageReconciler
  readonly disks: DiskReconciler
  readonly machines: MachineReconciler
}

/** One loop per kind of thing; `host` and `census` have a single key. */
export interface DaemonLoopSet extends Readonly<Record<string, KeyedLoop>> {
  readonly host: KeyedLoop
  readonly storage: KeyedLoop
  readonly network: KeyedLoop
  readonly image: KeyedLoop
  readonly disk: KeyedLoop
  readonly machine: KeyedLoop
  readonly census: KeyedLoop
}

export interface WiringDeps {
  readonly loops: DaemonLoopSet
  readonly images: Pick<ImageReconciler, 'noteChange'>
  /** Asks for the Host's status to be written soon. */
  readonly report: () => void
}

export interface Wiring {
  /** The storage domain is attached, measured anew, or gone. */
  storageChanged(name: string): void
  networkChanged(): void
  /** Looks at everything that the hypervisor may have changed unseen. */
  everything(): void
}

/** Which change is a reason to look at what. Handlers put keys into queues and do nothing else. */
export function wireChanges(informers: HostInformers, deps: WiringDeps): Wiring {
  const { loops, report } = deps
  const { runs, disks, images } = informers
  informers.storageDomains.onChange(({ key }) => loops.storage.enqueue(key))
  informers.networks.onChange(({ key }) => loops.network.enqueue(key))
  informers.host.onChange(() => report())
  runs.onChange((change) => runChanged(change, informers, loops))
  disks.onChange(({ key }) => {
    loops.disk.enqueue(key)
    for (const run of runs.byIndex('disk', key)) loops.machine.enqueue(run.spec.uuid)
  })
  images.onChange(({ key, after }) => {
    deps.images.noteChange(key, after)
    loops.image.enqueue(key)
    for (const { metadata, spec } of disks.list()) {
      const { namespace = '' } = metadata
      if (`${namespace}/${spec.source?.image?.name ?? ''}` === key) loops.disk.enqueue(keyOf(metadata))
    }
  })
  const waitingRuns = () => {
    for (const { spec, status } of runs.list()) {
      const { phase = 'Pending' } = status ?? {}
      if (phase === 'Pending' || phase === 'Scheduled' || phase === 'Starting')
        loops.machine.enqueue(spec.uuid)
    }
  }
  return {
    storageChanged(name) {
      for (const { metadata, spec } of disks.list())
        if (spec.storageDomain.name === name) loops.disk.enqueue(keyOf(metadata))
      for (const { metadata, spec } of images.list())
        if (spec.storageDomain.name === name) loops.image.enqueue(keyOf(metadata))
      waitingRuns()
      report()
    },
    networkChanged() {
      waitingRuns()
      report()
    },
    everything() {
      for (const { spec } of runs.list()) loops.machine.enqueue(spec.uuid)
      for (const { metadata } of informers.networks.list()) loops.network.enqueue(metadata.name)
      report()
    },
  }
}

function runChanged(
  { before, after }: Change<VirtualMachineInstance>,
  { disks, networks }: HostInformers,
  loops: DaemonLoopSet,
): void {
  for (const run of [before, after]) {
    if (run === undefined) continue
    loops.machine.enqueue(run.spec.uuid)
    // A disk or network that is to go may have waited for this run.
    for (const key of diskKeysOf(run))
      if (disks.get(key)?.metadata.deletionTimestamp !== undefined) loops.disk.enqueue(key)
    for (const { network } of run.spec.interfaces)
      if (networks.get(network.name) === undefined) loops.network.enqueue(network.name)
  }
}
