import { describe, expect, test } from 'vitest'
import { disks, hosts, networks, storageDomains } from '../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../apimachinery/conditions.ts'
import type { Host } from '../../../crds/v1alpha1/host.ts'
import { aDisk, anImage, aNetwork, aStorageDomain, type Overrides } from '../../support/builders.ts'
import { aMachineWithDisk, anAttachedHost } from './support/installation.ts'
import { world } from './support/world.ts'

const broken = (name: string): Overrides<Host>['status'] => ({
  storageDomains: [{ name, ready: false, message: 'no such directory' }],
  networks: [{ name, ready: false, message: 'bridge is in use' }],
})

describe('a storage domain', () => {
  test('that no host has says so', async () => {
    const w = world(aStorageDomain())
    await w.settle()
    const domain = await w.get(storageDomains, 'default')
    expect(getCondition(domain, 'Ready')).toMatchObject({ status: 'False', reason: 'NoHosts' })
    expect(domain.metadata.finalizers).toEqual(['kvorum.dev/storage-domain'])
  })

  test('shows each host, and the sum of those that can use it', async () => {
    const w = world(
      aStorageDomain(),
      anAttachedHost('host-2', { status: broken('default') }),
      anAttachedHost('host-1'),
      anAttachedHost('host-3', { status: { conditions: [] } }),
      anAttachedHost('host-4', { status: broken('another') }),
      aDisk({ spec: { size: '10Gi' } }),
      aDisk({ metadata: { name: 'grown' }, spec: { size: '1Gi' }, status: { capacityBytes: 5 * 1024 ** 3 } }),
    )
    await w.settle()
    const { status, ...domain } = await w.get(storageDomains, 'default')
    expect(status?.hosts).toEqual([
      { name: 'host-1', ready: true, capacityBytes: 1e12, availableBytes: 9e11 },
      { name: 'host-2', ready: false, message: 'no such directory' },
      {
        name: 'host-3',
        ready: false,
        message: 'The host is not ready',
        capacityBytes: 1e12,
        availableBytes: 9e11,
      },
    ])
    expect(status).toMatchObject({
      capacityBytes: 1e12,
      availableBytes: 9e11,
      provisionedBytes: 15 * 1024 ** 3,
    })
    expect(getCondition({ ...domain, ...(status && { status }) }, 'Ready')).toMatchObject({
      status: 'True',
      reason: 'Attached',
      message: 'Usable on 1 of 3 hosts (host-2: no such directory; host-3: The host is not ready)',
    })
  })

  test('that no host can use says why', async () => {
    const w = world(aStorageDomain(), anAttachedHost('host-1', { status: broken('default') }))
    await w.settle()
    expect(getCondition(await w.get(storageDomains, 'default'), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'AttachFailed',
      message: 'Usable on 0 of 1 host (host-1: no such directory)',
    })
  })

  test('forgets a host that goes', async () => {
    const w = world(aStorageDomain(), anAttachedHost('host-1'))
    await w.settle()
    await w.client.delete(hosts, { name: 'host-1' })
    await w.settle()
    expect((await w.get(storageDomains, 'default')).status).toMatchObject({ hosts: [], capacityBytes: 0 })
  })

  test('that is deleted waits for what is kept in it, and counts it', async () => {
    const w = world(
      aStorageDomain(),
      anImage(),
      aMachineWithDisk('web'),
      aDisk(),
      aDisk({ metadata: { name: 'two' } }),
    )
    await w.settle()
    await w.client.delete(storageDomains, { name: 'default' })
    await w.settle()
    expect(getCondition(await w.get(storageDomains, 'default'), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'InUse',
      message: 'Deletion waits for 3 disks, 1 image and 1 machine',
    })
  })

  test('that is deleted and empty goes', async () => {
    const w = world(aStorageDomain(), aDisk())
    await w.settle()
    await w.client.delete(storageDomains, { name: 'default' })
    await w.settle()
    expect(await w.find(storageDomains, 'default')).toBeDefined()
    await w.client.delete(disks, { name: 'disk-1', namespace: 'default' })
    await w.settle()
    expect(await w.find(storageDomains, 'default')).toBeUndefined()
  })
})

describe('a network', () => {
  test('shows each host with its bridge', async () => {
    const w = world(
      aNetwork(),
      anAttachedHost('host-2', { status: broken('default') }),
      anAttachedHost('host-1'),
    )
    await w.settle()
    const network = await w.get(networks, 'default')
    expect(network.status?.hosts).toEqual([
      { name: 'host-1', ready: true, bridge: 'br-default' },
      { name: 'host-2', ready: false, message: 'bridge is in use' },
    ])
    expect(getCondition(network, 'Ready')).toMatchObject({ status: 'True', reason: 'Active' })
  })

  test('that no host has is not ready', async () => {
    const w = world(aNetwork())
    await w.settle()
    expect(getCondition(await w.get(networks, 'default'), 'Ready')).toMatchObject({
      status: 'False',
      reason: 'NoHosts',
    })
  })

  test('that nobody is plugged into goes when it is deleted', async () => {
    const w = world(aNetwork(), anAttachedHost('host-1'))
    await w.settle()
    await w.client.delete(networks, { name: 'default' })
    await w.settle()
    expect(await w.find(networks, 'default')).toBeUndefined()
  })
})
