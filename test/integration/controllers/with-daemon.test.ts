import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Client, keyOf } from '../../../apimachinery/client/client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import {
  disks,
  hostClusters,
  images,
  networks,
  storageDomains,
  virtualMachineInstances,
  virtualMachines,
} from '../../../apimachinery/client/resources.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import { silentLogger } from '../../../apimachinery/log.ts'
import { type RunningControllers, startControllers } from '../../../controllers/main.ts'
import { parseOptions } from '../../../controllers/options.ts'
import type { KubeObject } from '../../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../../crds/v1alpha1/virtual-machine.ts'
import { fakeHypervisor } from '../../../node-daemon/hypervisor/fake/fake-hypervisor.ts'
import { memoryRunRecords } from '../../../node-daemon/machine/run-records.ts'
import { fakeNetworks } from '../../../node-daemon/network/fake/fake-networks.ts'
import { type NodeDaemon, runNodeDaemon } from '../../../node-daemon/node-daemon.ts'
import { memoryNameRecords } from '../../../node-daemon/records/name-records.ts'
import { fakeStorage } from '../../../node-daemon/storage/fake/fake-storage.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { anImage, aNetwork, aHostCluster, aStorageDomain } from '../../support/builders.ts'
import { aMachine, applied } from './objects.ts'
import { watchUntil } from './watch-until.ts'

/* The controllers and the daemon of one host, with everything real but the hypervisor, its networks and its storage. */

let server: TestApiServer
let client: Client
let controllers: RunningControllers
let daemon: NodeDaemon
const storage = fakeStorage()
const networkDriver = fakeNetworks()
const hypervisor = fakeHypervisor({
  clock: systemClock,
  agentMs: 100,
  shutdownMs: 20,
  addressOf: (mac) =>
    networkDriver.world.dhcpHosts('default').find(({ macAddress }) => macAddress === mac)?.ipAddress,
})
const runRecords = memoryRunRecords()
const networkRecords = memoryNameRecords()

async function startAll(): Promise<void> {
  controllers = await startControllers(parseOptions(['--leader-elect=false']), {
    client,
    clock: systemClock,
    log: silentLogger,
  })
  await controllers.working
  daemon = startDaemon()
  await daemon.ready
}

function startDaemon(): NodeDaemon {
  const identity = { hostName: 'host-1', identity: 'one', endpoint: { port: 7444 }, version: '0.1.0' }
  return runNodeDaemon(identity, {
    client,
    clock: systemClock,
    log: silentLogger,
    events: { normal() {}, warning() {} },
    hypervisor,
    networkDriver,
    storageDriverOf: () => storage,
    sourceOf: () => async () => ({ body: Readable.from([Buffer.alloc(1024, 1)]), totalBytes: 1024 }),
    runRecords,
    networkRecords,
    machineFacts: { operatingSystem: 'Test', kernel: '6', addresses: ['192.0.2.1'], bootedAt: 0 },
  })
}

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd', installCrds: 'crds' })
  client = httpClient(configFromText(server.adminKubeconfig))
  await startAll()
  await applied(client, [
    [hostClusters, aHostCluster()],
    [storageDomains, aStorageDomain()],
    [networks, aNetwork()],
    [images, anImage()],
  ])
})

afterAll(async () => {
  await daemon?.stop()
  await controllers?.stop()
  await client?.close()
  await server?.close()
})

// A test that failed leaves nothing to the next.
afterEach(async () => {
  for (const { metadata } of (await client.list(virtualMachines)).items) await remove(metadata.name)
})

const key = (name: string) => ({ name, namespace: 'default' })
const machineIs = (name: string, is: (vm: VirtualMachine) => boolean) =>
  watchUntil(client, virtualMachines, name, (vm) => vm !== undefined && is(vm))
const isReady = (vm: VirtualMachine) => getCondition(vm, 'Ready')?.status === 'True'
const setPower = (name: string, power: string) =>
  client.patch(virtualMachines, key(name), { type: 'merge', body: { spec: { power } } })

async function remove(name: string): Promise<void> {
  await client.delete(virtualMachines, key(name))
  await watchUntil(client, virtualMachines, name, (vm) => vm === undefined)
}

async function runUid(name: string): Promise<string> {
  return (await client.get(virtualMachineInstances, key(name))).metadata.uid
}

async function expectNothingLeft(): Promise<void> {
  for (const resource of [virtualMachines, virtualMachineInstances, disks]) {
    expect((await client.list<KubeObject>(resource)).items).toEqual([])
  }
  expect(await hypervisor.listDomains()).toEqual([])
}

describe('controllers and daemon', () => {
  test('a machine runs, is stopped, starts as itself, and leaves neither domain, disk nor object', async () => {
    await client.create(virtualMachines, aMachine('web', { readiness: 'GuestAgent' }))
    const running = await machineIs('web', isReady)
    expect(running?.status).toMatchObject({ phase: 'Running', hostName: 'host-1' })
    const { uid } = (await client.get(disks, key('web-root'))).metadata
    expect(await storage.statVolume({ kind: 'disk', uid })).toBeDefined()

    await setPower('web', 'Stopped')
    await machineIs('web', (vm) => vm.status?.phase === 'Stopped')
    expect(await hypervisor.listDomains()).toEqual([])
    await setPower('web', 'Running')
    const again = await machineIs('web', isReady)
    const identity = ({ status }: VirtualMachine = aMachine('none')) => [
      status?.uuid,
      status?.interfaces?.map(({ macAddress, ipAddress }) => [macAddress, ipAddress]),
    ]
    expect(identity(again)).toEqual(identity(running))

    await remove('web')
    await expectNothingLeft()
    expect(await storage.statVolume({ kind: 'disk', uid })).toBeUndefined()
  })

  test.each([
    ['killed', (uuid: string) => hypervisor.world.killProcess(uuid), 'Crashed'],
    ['powered off by hand', (uuid: string) => hypervisor.world.destroyByHand(uuid), 'Destroyed'],
  ])('a machine that is %s runs again at once', async (_how, end, reason) => {
    await client.create(virtualMachines, aMachine('web'))
    const vm = await machineIs('web', isReady)
    const first = await runUid('web')
    end(vm?.status?.uuid ?? '')
    const again = await machineIs(
      'web',
      ({ status }) => status?.lastRun?.uid === first && status.phase === 'Running',
    )
    expect(again?.status).toMatchObject({ lastRun: { reason }, restarts: 1 })
    expect(again?.status?.nextStartAt).toBeUndefined()
    await remove('web')
    await expectNothingLeft()
  })

  test('a shutdown from inside the guest is respected until power goes to Stopped and back', async () => {
    await client.create(virtualMachines, aMachine('web'))
    const vm = await machineIs('web', isReady)
    hypervisor.world.guestPowerOff(vm?.status?.uuid ?? '')
    await machineIs('web', (one) => getCondition(one, 'Ready')?.reason === 'GuestShutdown')
    await setPower('web', 'Stopped')
    await watchUntil(client, virtualMachineInstances, 'web', (run) => run === undefined)
    await setPower('web', 'Running')
    await machineIs('web', isReady)
    await remove('web')
    await expectNothingLeft()
  })

  test('controllers and daemon that begin anew find everything as it is', async () => {
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', (vm) => isReady(vm) && vm.status?.interfaces?.[0]?.reportedAddresses !== undefined)
    const before = await runUid('web')
    const starts = hypervisor.world.calls.startDomain
    await daemon.stop()
    await controllers.stop()
    await startAll()
    await machineIs('web', isReady)
    expect(await runUid('web')).toBe(before)
    expect(hypervisor.world.calls.startDomain).toBe(starts)
    await remove('web')
    await expectNothingLeft()
  })

  test('a host whose daemon is gone makes its machines unknown, and known again when it is back', async () => {
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', isReady)
    await daemon.stop()
    await machineIs('web', (vm) => getCondition(vm, 'Ready')?.reason === 'HostUnreachable')
    daemon = startDaemon()
    await machineIs('web', isReady)
    await remove('web')
    await expectNothingLeft()
  })

  test('machines that are applied at once all run and all go', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `vm-${index}`)
    await Promise.all(names.map((name) => client.create(virtualMachines, aMachine(name))))
    await Promise.all(names.map((name) => machineIs(name, isReady)))
    const domains = await hypervisor.listDomains()
    expect(new Set(domains.map(({ uuid }) => uuid)).size).toBe(20)
    await Promise.all(names.map(remove))
    await expectNothingLeft()
  })

  test('what is in use goes last, and then goes', async () => {
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', isReady)
    await client.delete(networks, { name: 'default' })
    await client.delete(storageDomains, { name: 'default' })
    await client.delete(images, key('image-1'))
    await watchUntil(client, images, 'image-1', (image) => image === undefined)
    await remove('web')
    await watchUntil(client, networks, 'default', (network) => network === undefined)
    await watchUntil(client, storageDomains, 'default', (domain) => domain === undefined)
    expect((await client.list(disks)).items.map(({ metadata }) => keyOf(metadata))).toEqual([])
  })
})
