import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../../apimachinery/client/client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import {
  disks,
  events,
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
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { aDisk, anImage, aNetwork, aHostCluster, aStorageDomain } from '../../support/builders.ts'
import { type FollowingDaemons, followingDaemons } from './following-daemons.ts'
import { aMachine, anAttachedHost, applied } from './objects.ts'
import { watchUntil } from './watch-until.ts'

let server: TestApiServer
let client: Client
let controllers: RunningControllers
let daemons: FollowingDaemons

const deps = () => ({ client, clock: systemClock, log: silentLogger })
const start = (...flags: string[]) => startControllers(parseOptions(flags), deps())
const machineIs = (name: string, is: (vm: VirtualMachine) => boolean) =>
  watchUntil(client, virtualMachines, name, (vm) => vm !== undefined && is(vm))
const isRunning = (vm: VirtualMachine) => vm.status?.phase === 'Running'
const key = (name: string) => ({ name, namespace: 'default' })
const setPower = (name: string, power: string) =>
  client.patch(virtualMachines, key(name), { type: 'merge', body: { spec: { power } } })

beforeAll(async () => {
  server = await startTestApiServer({ storage: 'etcd', installCrds: 'crds' })
  client = httpClient(configFromText(server.adminKubeconfig))
})

afterAll(async () => {
  await client?.close()
  await server?.close()
})

beforeEach(async () => {
  controllers = await start('--leader-elect=false')
  await controllers.working
  daemons = await followingDaemons(client)
  await applied(client, [
    [hostClusters, aHostCluster()],
    [storageDomains, aStorageDomain()],
    [networks, aNetwork()],
    [images, anImage()],
  ])
  await anAttachedHost(client, 'host-1')
})

afterEach(async () => {
  for (const { metadata } of (await client.list(virtualMachines)).items) {
    await client.delete(virtualMachines, metadata)
    await watchUntil(client, virtualMachines, metadata.name, (vm) => vm === undefined)
  }
  await daemons.stop()
  await controllers.stop()
})

describe('the controllers on a real API server', () => {
  test('a machine is applied, runs, is stopped, starts again as itself, and leaves nothing', async () => {
    await client.create(virtualMachines, aMachine('web'))
    const running = await machineIs('web', isRunning)
    expect(running?.status).toMatchObject({ hostName: 'host-1', ipAddress: '10.80.0.2' })
    expect(getCondition(running ?? {}, 'Ready')?.status).toBe('True')

    await setPower('web', 'Stopped')
    await machineIs('web', (vm) => vm.status?.phase === 'Stopped')
    await setPower('web', 'Running')
    const again = await machineIs('web', isRunning)
    expect(again?.status?.interfaces).toEqual(running?.status?.interfaces)
    expect(again?.status?.uuid).toBe(running?.status?.uuid)

    await client.delete(virtualMachines, key('web'))
    await watchUntil(client, virtualMachines, 'web', (vm) => vm === undefined)
    expect((await client.list(virtualMachineInstances)).items).toEqual([])
    expect((await client.list(disks)).items).toEqual([])
  })

  test('a crash is followed by the next run', async () => {
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', isRunning)
    const first = await client.get(virtualMachineInstances, key('web'))
    await daemons.endRun('web', 'Crashed')
    await watchUntil(
      client,
      virtualMachineInstances,
      'web',
      (run) => run?.status?.phase === 'Running' && run.metadata.uid !== first.metadata.uid,
    )
  })

  test('machines that are applied at once all run, with addresses of their own', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `vm-${index}`)
    await Promise.all(names.map((name) => client.create(virtualMachines, aMachine(name))))
    const machines = await Promise.all(names.map((name) => machineIs(name, isRunning)))
    const identities = machines.flatMap((vm) => vm?.status?.interfaces ?? [])
    expect(new Set(identities.map(({ macAddress }) => macAddress)).size).toBe(20)
    expect(new Set(identities.map(({ ipAddress }) => ipAddress)).size).toBe(20)
  })

  test('objects may come in any order', async () => {
    await client.create(
      virtualMachines,
      aMachine('early', { interfaces: [{ name: 'eth0', network: { name: 'late' }, model: 'virtio' }] }),
    )
    await machineIs('early', (vm) => getCondition(vm, 'NetworksReady')?.reason === 'NetworkNotFound')
    await applied(client, [
      [networks, aNetwork({ metadata: { name: 'late' }, spec: { subnets: [{ cidr: '10.81.0.0/24' }] } })],
    ])
    await anAttachedHost(client, 'host-1', ['default', 'late'])
    const vm = await machineIs('early', isRunning)
    expect(vm?.status?.ipAddress).toBe('10.81.0.2')
  })

  test('whoever waits for room, an address or a disk is woken when another machine lets go of it', async () => {
    const disk = [{ name: 'data', bus: 'virtio' as const, disk: { name: 'shared' } }]
    const fixed = [
      { name: 'eth0', network: { name: 'default' }, model: 'virtio' as const, ipAddress: '10.80.0.9' },
    ]
    await applied(client, [[disks, aDisk({ metadata: { name: 'shared' } })]])
    const pairs = [
      { name: 'room', spec: { memory: { size: '9Gi' } }, type: 'Scheduled', reason: 'NoHostFits' },
      { name: 'address', spec: { interfaces: fixed }, type: 'NetworksReady', reason: 'AddressConflict' },
      { name: 'disk', spec: { disks: disk }, type: 'DisksReady', reason: 'DiskInUse' },
    ]
    for (const { name, spec, type, reason } of pairs) {
      await client.create(virtualMachines, aMachine(`${name}-1`, spec))
      await machineIs(`${name}-1`, isRunning)
      await client.create(virtualMachines, aMachine(`${name}-2`, spec))
      await machineIs(`${name}-2`, (vm) => getCondition(vm, type)?.reason === reason)
    }
    for (const { name } of pairs) {
      await client.delete(virtualMachines, key(`${name}-1`))
      await machineIs(`${name}-2`, isRunning)
    }
    await client.delete(disks, key('shared'))
    await watchUntil(client, disks, 'shared', (one) => getCondition(one ?? {}, 'Ready')?.reason === 'InUse')
    await client.delete(virtualMachines, key('disk-2'))
    await watchUntil(client, disks, 'shared', (one) => one === undefined)
  })

  test('once all is well nothing is written any more, by the same process or by the next', async () => {
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', isRunning)
    const versions = async () => {
      const lists = await Promise.all(
        [virtualMachines, virtualMachineInstances, disks, images, networks, storageDomains, hostClusters].map(
          (resource) => client.list<KubeObject>(resource),
        ),
      )
      return lists.flatMap(({ items }) =>
        items.map(({ kind, metadata }) => `${kind} ${metadata.resourceVersion}`),
      )
    }
    const before = await quiet(versions)
    await controllers.stop()
    controllers = await start('--leader-elect=false')
    await controllers.working
    expect(await quiet(versions)).toEqual(before)
  })

  test('the Events of a machine tell its story', async () => {
    await client.create(virtualMachines, aMachine('told'))
    await machineIs('told', isRunning)
    await setPower('told', 'Stopped')
    await machineIs('told', (vm) => vm.status?.phase === 'Stopped')
    const story = await quiet(async () => {
      const { items } = await client.list(events, { namespace: 'default' })
      return items
        .filter(({ regarding }) => regarding.kind === 'VirtualMachine' && regarding.name === 'told')
        .toSorted((a, b) => (a.eventTime < b.eventTime ? -1 : 1))
        .map(({ reason }) => reason)
    })
    expect(story.filter((reason) => reason !== 'ImageNotReady')).toEqual([
      'Created',
      'HostAssigned',
      'Started',
      'Stopping',
      'Stopped',
    ])
  })

  test('the next process takes over from one that leads and is stopped', async () => {
    await controllers.stop()
    const first = await start('--leader-elect-resource-name=take-over')
    await first.working
    controllers = await start('--leader-elect-resource-name=take-over')
    await first.stop()
    await controllers.working
    await client.create(virtualMachines, aMachine('web'))
    await machineIs('web', isRunning)
  })

  test('health and metrics are answered', async () => {
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${controllers.metricsPort}${path}`)
      return { status: response.status, body: await response.text() }
    }
    expect(await get('/healthz')).toEqual({ status: 200, body: 'ok\n' })
    expect(await get('/readyz')).toEqual({ status: 200, body: 'ok\n' })
    expect((await get('/metrics')).body).toMatch(/kvorum_reconcile_total\{controller="host"/)
    expect((await get('/else')).status).toBe(404)
  })
})

/** What `look` says once it has said the same for a while: nothing tells that no more writes are to come. */
async function quiet<T>(look: () => Promise<T>): Promise<T> {
  let last = await look()
  for (let same = 0; same < 6;) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const now = await look()
    same = JSON.stringify(now) === JSON.stringify(last) ? same + 1 : 0
    last = now
  }
  return last
}
