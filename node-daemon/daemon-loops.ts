import type { StorageLookup } from './attachment/attachments.ts'
import { NetworkAttachments } from './attachment/network-attachments.ts'
import { StorageAttachments } from './attachment/storage-attachments.ts'
import { type DaemonLoopSet, type Reconcilers, wireChanges, type Wiring } from './daemon-wiring.ts'
import { DiskReconciler } from './disk/disk-reconciler.ts'
import { DiskUse } from './disk/disk-use.ts'
import { takeCensus } from './heartbeat/domain-census.ts'
import type { HostLease } from './heartbeat/host-lease.ts'
import { HostReporter } from './heartbeat/host-reporter.ts'
import { HostState } from './heartbeat/host-state.ts'
import type { HypervisorEvent } from './hypervisor/hypervisor.ts'
import { ImageReconciler } from './image/image-reconciler.ts'
import { Backoff } from './loop/backoff.ts'
import { KeyedLoop } from './loop/keyed-loop.ts'
import { GuestWatch } from './machine/guest-watch.ts'
import { MachineReconciler } from './machine/machine-reconciler.ts'
import type { NodeDaemonDeps, NodeDaemonIdentity } from './node-daemon.ts'
import { FreshObjects } from './objects/fresh-objects.ts'
import type { HostInformers } from './objects/host-informers.ts'

/** The one key of loops that look at the host as a whole. */
const host = 'host'
// A burst of changes becomes one write.
const reportAfterMs = 100
const countAfterMs = 200

/** Everything that the daemon does over and over, each kind of thing in a loop of its own. */
export class DaemonLoops {
  readonly #deps: NodeDaemonDeps
  readonly #informers: HostInformers
  readonly #state = new HostState()
  readonly #reconcilers: Reconcilers
  readonly #loops: DaemonLoopSet
  readonly #wiring: Wiring

  constructor(
    identity: NodeDaemonIdentity,
    deps: NodeDaemonDeps,
    informers: HostInformers,
    lease: HostLease,
  ) {
    this.#deps = deps
    this.#informers = informers
    this.#reconcilers = buildReconcilers(identity, deps, informers, {
      lease,
      machineChanged: (uuid) => this.#loops.machine.enqueue(uuid),
      storageChanged: (name) => this.#wiring.storageChanged(name),
      networkChanged: () => this.#wiring.networkChanged(),
    })
    const reporter = this.#reporter(identity)
    this.#loops = this.#buildLoops(reporter)
    const report = () => this.#loops.host.enqueueAfter(host, reportAfterMs)
    this.#wiring = wireChanges(informers, { loops: this.#loops, images: this.#reconcilers.images, report })
  }

  /** Registers the host. May be called before the informers have synced. */
  startReporting(): void {
    this.#loops.host.start()
    this.#loops.host.enqueue(host)
  }

  /** Call once the informers have synced. */
  async start(): Promise<void> {
    for (const name of await this.#deps.networkRecords.list()) this.#loops.network.enqueue(name)
    for (const loop of Object.values(this.#loops)) loop.start()
  }

  onHypervisorEvent(event: HypervisorEvent): void {
    switch (event.type) {
      case 'resync':
        this.#state.connected()
        this.#wiring.everything()
        this.#loops.census.enqueue(host)
        return
      case 'disconnected':
        this.#state.disconnected(event.message)
        this.#loops.host.enqueue(host)
        return
      case 'domain':
        this.#reconcilers.machines.noteReason(event.uuid, event.stateReason)
        this.#loops.machine.enqueue(event.uuid)
        this.#loops.census.enqueueAfter(host, countAfterMs)
        return
      case 'reboot':
        this.#reconcilers.machines.noteReboot(event.uuid)
        this.#loops.machine.enqueue(event.uuid)
        return
      case 'agent':
        this.#reconcilers.guests.agentChanged(event.uuid, event.connected)
    }
  }

  get storage(): StorageLookup {
    return this.#reconcilers.storage
  }

  /** True when nothing is being done and nothing is due now. */
  get idle(): boolean {
    return Object.values(this.#loops).every((loop) => loop.idle)
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#loops).map((loop) => loop.stop()))
    await this.#reconcilers.guests.stop()
  }

  #buildLoops(reporter: HostReporter): DaemonLoopSet {
    const { storage, networks, images, disks, machines } = this.#reconcilers
    const loop = loopFactory(this.#deps)
    return {
      host: loop('host', 1, (_key, signal) => reporter.report(signal)),
      storage: loop('storage', 4, (name, signal) => storage.reconcile(name, signal)),
      network: loop('network', 2, (name, signal) => networks.reconcile(name, signal)),
      image: loop('image', 2, (key, signal) => images.reconcile(key, signal)),
      disk: loop('disk', 4, (key, signal) => disks.reconcile(key, signal)),
      machine: loop('machine', 8, (uuid, signal) => machines.reconcile(uuid, signal)),
      census: loop('census', 1, (_key, signal) => this.#count(signal)),
    }
  }

  #reporter(identity: NodeDaemonIdentity): HostReporter {
    const { storage, networks } = this.#reconcilers
    const { client, clock, log, machineFacts } = this.#deps
    const { hostName } = identity
    const hosts = new FreshObjects(client, this.#informers.host)
    const observe = () => ({
      ...identity,
      machine: machineFacts,
      hypervisor: this.#state.facts,
      readiness: this.#state.readiness,
      storage: storage.list(),
      networks: networks.list(),
      machines: this.#state.machines,
      unmanagedDomains: this.#state.unmanaged,
    })
    return new HostReporter({ client, clock, log, hostName, hosts, observe })
  }

  async #count(signal: AbortSignal): Promise<undefined> {
    const { hypervisor, runRecords: records } = this.#deps
    const uids = new Set(this.#informers.runs.list().map(({ metadata }) => metadata.uid))
    const onOrphan = (uuid: string) => this.#loops.machine.enqueue(uuid)
    if (this.#state.facts === undefined) this.#state.described(await hypervisor.describe(signal))
    const isRun = (uid: string) => uids.has(uid)
    this.#state.counted(await takeCensus({ hypervisor, records, isRun, onOrphan }, signal))
    this.#loops.host.enqueueAfter(host, reportAfterMs)
    return undefined
  }
}

function loopFactory({ clock, log, metrics }: NodeDaemonDeps) {
  return (
    name: string,
    concurrency: number,
    run: (key: string, signal: AbortSignal) => Promise<number | undefined>,
  ) =>
    new KeyedLoop({
      name,
      concurrency,
      clock,
      log: log.child({ loop: name }),
      run,
      observe(result, seconds) {
        metrics?.passes.inc({ loop: name, result })
        metrics?.passSeconds.observe({ loop: name }, seconds)
      },
    })
}

interface Wishes {
  readonly lease: HostLease
  readonly machineChanged: (uuid: string) => void
  readonly storageChanged: (name: string) => void
  readonly networkChanged: () => void
}

function buildReconcilers(
  { hostName }: NodeDaemonIdentity,
  deps: NodeDaemonDeps,
  informers: HostInformers,
  wishes: Wishes,
): Reconcilers {
  const { client, clock, log, hypervisor, networkDriver, sourceOf } = deps
  const runs = new FreshObjects(client, informers.runs)
  const disks = new FreshObjects(client, informers.disks)
  const images = new FreshObjects(client, informers.images)
  const networkObjects = new FreshObjects(client, informers.networks)
  const diskUse = new DiskUse()
  const guests = new GuestWatch({ hypervisor, clock, log, onChange: wishes.machineChanged })
  const storage = new StorageAttachments({
    domains: informers.storageDomains,
    driverOf: deps.storageDriverOf,
    log,
    onChange: wishes.storageChanged,
  })
  const networks = new NetworkAttachments({
    networks: informers.networks,
    getLive: (name, signal) => networkObjects.getLive({ name }, signal),
    driver: networkDriver,
    records: deps.networkRecords,
    inUse: (name) => informers.runs.byIndex('network', name).length > 0,
    log,
    onChange: wishes.networkChanged,
  })
  const shared = { ...deps, hostName, runs, disks, images, storage, networks, diskUse, guests }
  const retry = (firstMs: number, maxMs: number) => new Backoff({ clock, firstMs, maxMs })
  return {
    storage,
    networks,
    guests,
    images: new ImageReconciler({ ...shared, sourceOf, backoff: retry(2_000, 300_000) }),
    disks: new DiskReconciler({
      ...shared,
      runsUsing: (key) => informers.runs.byIndex('disk', key),
      backoff: retry(1_000, 60_000),
    }),
    machines: new MachineReconciler({
      ...shared,
      records: deps.runRecords,
      isNat: (name) => networks.isNat(name),
      startBackoff: retry(1_000, 60_000),
      leaseHeld: () => wishes.lease.held,
      hostBootedAt: deps.machineFacts.bootedAt,
    }),
  }
}
