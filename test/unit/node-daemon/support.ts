import { Readable } from 'node:stream'
import type { EventRecorder } from '../../../apimachinery/client/event-recorder.ts'
import { disks, hosts, images, virtualMachineInstances } from '../../../apimachinery/client/resources.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import type { KubeObject, Stored } from '../../../crds/meta/object-meta.ts'
import type { Disk } from '../../../crds/v1alpha1/disk.ts'
import type { Host } from '../../../crds/v1alpha1/host.ts'
import type { Image } from '../../../crds/v1alpha1/image.ts'
import type { VirtualMachineInstance } from '../../../crds/v1alpha1/virtual-machine-instance.ts'
import { type FakeHypervisor, fakeHypervisor } from '../../../node-daemon/hypervisor/fake/fake-hypervisor.ts'
import type { OpenSource } from '../../../node-daemon/image/image-source.ts'
import { memoryRunRecords, type RunRecords } from '../../../node-daemon/machine/run-records.ts'
import { type FakeNetworks, fakeNetworks } from '../../../node-daemon/network/fake/fake-networks.ts'
import { type NodeDaemon, type NodeDaemonDeps, runNodeDaemon } from '../../../node-daemon/node-daemon.ts'
import { memoryNameRecords } from '../../../node-daemon/records/name-records.ts'
import { type FakeStorage, fakeStorage } from '../../../node-daemon/storage/fake/fake-storage.ts'
import {
  aDisk,
  anImage,
  aNetwork,
  aStorageDomain,
  aVirtualMachineInstance,
  type Overrides,
} from '../../support/builders.ts'
import { type ManualClock, manualClock } from '../../support/clock.ts'
import { type FakeClient, fakeClient } from '../../support/fake-client.ts'

export const hostName = 'host-1'
export const uuid = aVirtualMachineInstance().spec.uuid
const mac = '52:54:00:00:00:01'
export const address = '10.80.0.10'

/** Everything outside the daemon, so that a daemon can end and another one begin. */
export interface World {
  readonly clock: ManualClock
  readonly client: FakeClient
  readonly hypervisor: FakeHypervisor
  readonly networks: FakeNetworks
  readonly storage: FakeStorage
  readonly records: RunRecords
  readonly told: string[]
  /** What image sources hand out. */
  source: OpenSource
  bootedAt: number
  start(overrides?: Partial<NodeDaemonDeps>): NodeDaemon
  /** As `start`, as another installation of the same host name. */
  startAs(identity: string, overrides?: Partial<NodeDaemonDeps>): NodeDaemon
  /** Lets everything that is due happen, and then what falls due within `ms`. */
  settle(ms?: number): Promise<void>
  run(name?: string): Promise<Stored<VirtualMachineInstance> | undefined>
  disk(name?: string): Promise<Stored<Disk> | undefined>
  image(name?: string): Promise<Stored<Image> | undefined>
  host(): Promise<Stored<Host>>
  stop(): Promise<void>
}

export function bytesSource(bytes: Buffer): OpenSource {
  return async () => ({ body: Readable.from([bytes]), totalBytes: bytes.length })
}

/** A world with a storage domain, a NAT network, and what else is given. */
export function aWorld(...objects: readonly KubeObject[]): World {
  const clock = manualClock()
  const client = fakeClient({ clock, objects: [aStorageDomain(), aNetwork(), ...objects] })
  const hypervisor = fakeHypervisor({ clock, agentMs: 3_000, addressOf: () => address })
  const networks = fakeNetworks()
  const storage = fakeStorage()
  const records = memoryRunRecords()
  const networkRecords = memoryNameRecords()
  const daemons: NodeDaemon[] = []
  const told: string[] = []
  const events: EventRecorder = {
    normal: (regarding, reason) => void told.push(`${regarding.kind} ${reason}`),
    warning: (regarding, reason) => void told.push(`${regarding.kind} ${reason}!`),
  }
  const find = <T extends KubeObject>(resource: Parameters<FakeClient['get']>[0], name: string) =>
    client.get(resource, { name, namespace: 'default' }).then(
      (object) => object as Stored<T>,
      () => undefined,
    )
  const world: World = {
    clock,
    client,
    hypervisor,
    networks,
    storage,
    records,
    told,
    source: bytesSource(Buffer.alloc(1024 ** 2, 1)),
    bootedAt: clock.now() - 3_600_000,
    start: (overrides) => world.startAs('installation-1', overrides),
    startAs(identity, overrides = {}) {
      const daemon = runNodeDaemon(
        { hostName, identity, endpoint: { port: 7444 }, version: '0.1.0' },
        {
          client,
          clock,
          log: silentLogger,
          events,
          hypervisor,
          networkDriver: networks,
          storageDriverOf: () => storage,
          sourceOf: () => (signal) => world.source(signal),
          runRecords: records,
          networkRecords,
          machineFacts: {
            operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
            kernel: '6.1.0',
            addresses: ['192.0.2.1'],
            bootedAt: world.bootedAt,
          },
          ...overrides,
        },
      )
      daemons.push(daemon)
      return daemon
    },
    async settle(ms = 0) {
      for (let step = 0; step < 40; step++) await clock.advance(0)
      // In small steps, so that what one thing causes is there before the next falls due.
      for (let passed = 0; passed < ms; passed += 250) {
        await clock.advance(250)
        for (let step = 0; step < 12; step++) await clock.advance(0)
      }
    },
    run: (name = 'vm-1') => find<VirtualMachineInstance>(virtualMachineInstances, name),
    disk: (name = 'disk-1') => find<Disk>(disks, name),
    image: (name = 'image-1') => find<Image>(images, name),
    host: () => client.get<Host>(hosts, { name: hostName }),
    async stop() {
      for (const daemon of daemons) await daemon.stop()
    },
  }
  return world
}

/** A run that was placed on this host, with one disk and one interface. */
export function aPlacedRun(
  overrides: Overrides<VirtualMachineInstance> = {},
): Stored<VirtualMachineInstance> {
  const { spec, ...rest } = overrides
  return aVirtualMachineInstance({
    spec: {
      hostName,
      disks: [{ name: 'root', disk: { name: 'disk-1' }, bus: 'virtio', bootOrder: 1 }],
      interfaces: [
        { name: 'eth0', network: { name: 'default' }, model: 'virtio', macAddress: mac, ipAddress: address },
      ],
      ...spec,
    },
    ...rest,
  } as Overrides<VirtualMachineInstance>)
}

export { aDisk, anImage, aNetwork, aStorageDomain }
