import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  hosts,
  leases,
  namespaces,
  networks,
  virtualMachineInstances,
} from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import type { Host } from '../../../../crds/v1alpha1/host.ts'
import { HypervisorError } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { StorageDriverError } from '../../../../node-daemon/storage/storage-driver.ts'
import { aHost } from '../../../support/builders.ts'
import { aDisk, aPlacedRun, aWorld, hostName, type World } from '../support.ts'

let world: World
beforeEach(() => (world = aWorld()))
afterEach(() => world.stop())

const condition = async (type: string) => getCondition(await world.host(), type)
const leaseKey = { namespace: 'kvorum-hosts', name: hostName }
const lease = () => world.client.get(leases, leaseKey)

describe('the host', () => {
  test('registers itself with what it has', async () => {
    world.start()
    await world.settle(1_000)
    expect(await world.host()).toMatchObject({
      spec: { hostCluster: { name: 'default' }, schedulable: true },
      status: {
        capacity: { cpus: 8, memoryBytes: 32 * 1024 ** 3 },
        allocatable: { cpus: 8, memoryBytes: 31 * 1024 ** 3 },
        addresses: [
          { type: 'Hostname', address: 'host-1' },
          { type: 'InternalIP', address: '192.0.2.1' },
        ],
        cpu: { architecture: 'x86_64', model: 'Fake', sockets: 1, coresPerSocket: 8, threadsPerCore: 1 },
        hypervisor: { accelerator: 'None' },
        operatingSystem: { name: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0' },
        daemonEndpoint: { port: 7444 },
        startedAt: '2025-12-31T23:00:00Z',
        storageDomains: [{ name: 'default', ready: true, capacityBytes: 1024 ** 4 }],
        networks: [{ name: 'default', ready: true, bridge: expect.stringMatching(/^kv-/) }],
        machines: 0,
      },
    })
    for (const type of ['Ready', 'StorageReady', 'NetworkReady'])
      expect(await condition(type)).toMatchObject({ status: 'True' })
  })

  test('never touches what a user set', async () => {
    const spec = { hostCluster: { name: 'red' }, schedulable: false }
    world.client.seed(aHost({ spec, metadata: { labels: { rack: '7' } }, status: undefined }))
    world.start()
    await world.settle(1_000)
    const host = await world.host()
    expect(host.spec).toEqual(spec)
    expect(host.metadata.labels).toEqual({ rack: '7' })
    expect(host.metadata.generation).toBe(1)
    expect(await condition('Ready')).toMatchObject({ status: 'True' })
  })

  test('registers again when somebody deletes it', async () => {
    world.start()
    await world.settle(1_000)
    await world.client.delete(hosts, { name: hostName })
    await world.settle(1_000)
    expect(await condition('Ready')).toMatchObject({ status: 'True' })
  })

  test('says that libvirt is away as soon as it is, and that it is back', async () => {
    world.start()
    await world.settle(1_000)
    world.hypervisor.world.disconnect('end of file')
    await world.settle()
    expect(await condition('Ready')).toMatchObject({
      status: 'False',
      reason: 'LibvirtUnavailable',
      message: 'libvirt does not answer: end of file',
    })
    world.hypervisor.world.reconnect()
    await world.settle(500)
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'DaemonReady' })
  })

  test('takes back what others said about it while it was silent', async () => {
    world.start()
    await world.settle(1_000)
    const host = await world.host()
    const lost = aHost({ status: { conditions: [] } }).status
    await world.client.update<Host>(
      hosts,
      { ...host, ...(lost && { status: lost }) },
      { subresource: 'status' },
    )
    await world.settle(1_000)
    expect(await condition('Ready')).toMatchObject({ status: 'True', reason: 'DaemonReady' })
  })

  test('counts its machines within a second', async () => {
    world = aWorld(aDisk(), aPlacedRun())
    world.start()
    await world.settle(1_500)
    expect((await world.host()).status?.machines).toBe(1)
  })

  test('names the storage domain and the network that it cannot use', async () => {
    world.storage.world.failNext('attach', new StorageDriverError('unavailable', 'the disk is gone'), 100)
    world.networks.world.failNext('ensureNetwork', new HypervisorError('conflict', 'the name is taken'), 100)
    world.start()
    await world.settle(1_000)
    expect(await condition('StorageReady')).toMatchObject({
      status: 'False',
      message: 'default: the disk is gone',
    })
    expect(await condition('NetworkReady')).toMatchObject({
      status: 'False',
      message: 'default: the name is taken',
    })
    expect((await world.host()).status?.networks).toEqual([
      { name: 'default', ready: false, message: 'the name is taken' },
    ])
  })

  test('takes a network down that is gone, but not under a machine', async () => {
    world = aWorld(aDisk(), aPlacedRun())
    world.start()
    await world.settle(1_000)
    await world.client.delete(networks, { name: 'default' })
    await world.settle(10_000)
    expect(await world.networks.listNetworks()).toEqual(['default'])
    world.hypervisor.world.guestPowerOff(aPlacedRun().spec.uuid)
    await world.client.delete(virtualMachineInstances, { namespace: 'default', name: 'vm-1' })
    await world.settle(5_000)
    expect(await world.networks.listNetworks()).toEqual([])
    expect((await world.host()).status?.networks).toEqual([])
  })
})

describe('the lease', () => {
  test('is made with its namespace and renewed every second', async () => {
    world.start()
    await world.settle()
    await world.client.get(namespaces, { name: 'kvorum-hosts' })
    expect((await lease()).spec).toMatchObject({
      holderIdentity: 'installation-1',
      leaseDurationSeconds: 4,
      leaseTransitions: 0,
    })
    const before = (await lease()).spec.renewTime
    await world.clock.advance(1_000)
    await world.settle()
    expect((await lease()).spec.renewTime).not.toBe(before)
    expect((await lease()).spec.acquireTime).toBe(before)
  })

  test('is taken up at once by the daemon that follows', async () => {
    const first = world.start()
    await world.settle()
    await first.stop()
    const second = world.start()
    await world.settle()
    await second.ready
    expect((await lease()).spec.leaseTransitions).toBe(0)
  })

  test('of a living daemon elsewhere is not taken: the second one ends and says why', async () => {
    world.start()
    await world.settle()
    const other = world.startAs('installation-2')
    const failed = other.done.catch((error: unknown) => error)
    await world.settle(6_000)
    expect(await failed).toMatchObject({
      name: 'HostNameTakenError',
      message: expect.stringContaining('--host-name'),
    })
    expect((await lease()).spec.holderIdentity).toBe('installation-1')
  })

  test('of a daemon that is gone is taken after its time', async () => {
    const first = world.start()
    await world.settle()
    await first.stop()
    const other = world.startAs('installation-2')
    await world.settle(6_000)
    await other.ready
    expect((await lease()).spec).toMatchObject({ holderIdentity: 'installation-2', leaseTransitions: 1 })
    await other.stop()
  })

  test('is waited for while the API server is not there yet', async () => {
    let down = true
    world.client.onCall(() => {
      if (down) throw new Error('connection refused')
    })
    const daemon = world.start()
    await world.settle(10_000)
    down = false
    await world.settle(5_000)
    await daemon.ready
    expect(await condition('Ready')).toMatchObject({ status: 'True' })
  })
})
