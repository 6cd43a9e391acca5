import type { Client } from '../apimachinery/client/client.ts'
import type { EventRecorder } from '../apimachinery/client/event-recorder.ts'
import type { Clock } from '../apimachinery/clock.ts'
import type { Logger } from '../apimachinery/log.ts'
import type { Stored } from '../crds/meta/object-meta.ts'
import type { StorageDomain } from '../crds/v1alpha1/storage-domain.ts'
import type { VirtualMachineInstance } from '../crds/v1alpha1/virtual-machine-instance.ts'
import type { DaemonMetrics } from './daemon-metrics.ts'
import { DaemonLoops } from './daemon-loops.ts'
import { HostLease } from './heartbeat/host-lease.ts'
import type { MachineFacts } from './heartbeat/machine-facts.ts'
import type { Hypervisor } from './hypervisor/hypervisor.ts'
import type { SourceOf } from './image/image-source.ts'
import type { RunRecords } from './machine/run-records.ts'
import type { NetworkDriver } from './network/network-driver.ts'
import { hostInformers, type HostInformers } from './objects/host-informers.ts'
import type { NameRecords } from './records/name-records.ts'
import type { StorageDriver } from './storage/storage-driver.ts'
import type { TransferObjects } from './transfer/transfers.ts'
import type { UploadDesk } from './transfer/upload-desk.ts'

export interface NodeDaemonDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly metrics?: DaemonMetrics | undefined
  readonly hypervisor: Hypervisor
  readonly networkDriver: NetworkDriver
  /** A driver for a storage domain on this host; called once per domain. */
  readonly storageDriverOf: (domain: Stored<StorageDomain>) => StorageDriver
  readonly sourceOf: SourceOf
  /** Where uploads wait for their import; left out, there are none. */
  readonly uploads?: Pick<UploadDesk, 'has'>
  readonly runRecords: RunRecords
  readonly networkRecords: NameRecords
  readonly machineFacts: MachineFacts
}

export interface NodeDaemonIdentity {
  readonly hostName: string
  /** Tells this installation from another one of the same host name. */
  readonly identity: string
  /** Where the daemon serves consoles; `address` only when that is not every address of the host. */
  readonly endpoint: { readonly address?: string; readonly port: number }
  readonly version: string
}

/** A daemon that runs. Stopping it leaves the machines running. */
export interface NodeDaemon extends TransferObjects {
  /** Resolves when the host is registered and the daemon acts on its objects; rejects when it is stopped before. */
  readonly ready: Promise<void>
  /** Resolves after `stop`; rejects when the daemon cannot go on, such as with a HostNameTakenError. */
  readonly done: Promise<void>
  /** A run of this host as it is known here. */
  findRun(namespace: string, name: string): Stored<VirtualMachineInstance> | undefined
  /** True when nothing is being done and nothing is due now. */
  readonly idle: boolean
  stop(): Promise<void>
}

// After the hypervisor's event stream broke off by a fault of its own.
const restartEventsMs = 1_000

/** Starts the daemon with everything it uses given; returns at once and waits for the API server by itself. */
export function runNodeDaemon(identity: NodeDaemonIdentity, deps: NodeDaemonDeps): NodeDaemon {
  const stopping = new AbortController()
  const informers = hostInformers(identity.hostName, deps)
  const lease = new HostLease({ ...deps, ...identity })
  const loops = new DaemonLoops(identity, deps, informers, lease)
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => {})

  const work = async () => {
    const { signal } = stopping
    await lease.acquire(signal)
    const kept = lease.keep(signal)
    loops.startReporting()
    await startInformers(informers, signal)
    await loops.start()
    ready.resolve()
    await Promise.all([kept, followHypervisor(deps, loops, signal)])
  }
  const run = async () => {
    try {
      await work()
    } catch (error) {
      ready.reject(error)
      if (!stopping.signal.aborted) throw error
    } finally {
      stopping.abort(new Error('the node daemon stopped'))
      await loops.stop()
      await Promise.all(informers.all.map((informer) => informer.stop()))
    }
  }
  const ended = run()
  ended.catch(() => {})

  return {
    ready: ready.promise,
    done: ended,
    findRun: (namespace, name) => informers.runs.get(`${namespace}/${name}`),
    findImage: (namespace, name) => informers.images.get(`${namespace}/${name}`),
    findDisk: (namespace, name) => informers.disks.get(`${namespace}/${name}`),
    diskInUse: (key) => informers.runs.byIndex('disk', key).some(({ status }) => !isOver(status?.phase)),
    driver: (domain) => loops.storage.driver(domain),
    get idle() {
      return loops.idle
    },
    async stop() {
      stopping.abort(new Error('the node daemon was stopped'))
      await ended.catch(() => {})
    },
  }
}

function isOver(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}

async function startInformers({ all }: HostInformers, signal: AbortSignal): Promise<void> {
  for (const informer of all) informer.start()
  await Promise.all(all.map((informer) => informer.synced(signal)))
}

/** Until the daemon stops: every event of the hypervisor becomes a wish to look at something. */
async function followHypervisor(
  { hypervisor, log, clock }: NodeDaemonDeps,
  loops: DaemonLoops,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of hypervisor.events(signal)) loops.onHypervisorEvent(event)
    } catch (error) {
      if (signal.aborted) return
      log.error('Following the hypervisor failed', { error })
    }
    if (!signal.aborted) await new Promise<void>((resolve) => resumeLater(clock, signal, resolve))
  }
}

function resumeLater(clock: Clock, signal: AbortSignal, resume: () => void): void {
  const cancel = clock.after(restartEventsMs, resume)
  signal.addEventListener('abort', () => (cancel(), resume()), { once: true })
}
