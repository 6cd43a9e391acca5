import { describe, expect, test } from 'vitest'
import { networks, virtualMachines } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { AddressBook, type AddressHolder } from '../../../../controllers/addresses/address-book.ts'
import { freeMacAddress } from '../../../../controllers/addresses/mac-address.ts'
import type { KubeObject } from '../../../../crds/meta/object-meta.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import { aNetwork } from '../../../support/builders.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { aMachineWithDisk, anInstallation } from '../support/installation.ts'
import { world } from '../support/world.ts'

type Interface = VirtualMachine['spec']['interfaces'][number]

const nic = (overrides: Partial<Interface> = {}): Interface => ({
  name: 'eth0',
  network: { name: 'default' },
  model: 'virtio',
  linkState: 'Up',
  ...overrides,
})
const machine = (name: string, ...interfaces: Interface[]) =>
  aMachineWithDisk(name, { disks: [], interfaces })

async function settled(...objects: KubeObject[]) {
  const w = world(...anInstallation(), ...objects)
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  return {
    w,
    settle,
    networksReady: async (name: string) => getCondition(await w.get(virtualMachines, name), 'NetworksReady'),
    identity: async (name: string) => (await w.get(virtualMachines, name)).status?.interfaces,
  }
}

test('machines that ask at the same time, on caches that show none of it, get different addresses', async () => {
  const w = world(...anInstallation())
  const names = Array.from({ length: 50 }, (_, index) => `vm-${index}`)
  for (const name of names)
    await w.client.create(virtualMachines, machine(name, nic(), nic({ name: 'eth1' })))
  await w.sync()
  await Promise.all(names.map((name) => w.pass('machine', `default/${name}`)))
  const given = (await w.client.list(virtualMachines)).items.flatMap(({ status }) => status?.interfaces ?? [])
  expect(given).toHaveLength(100)
  expect(new Set(given.map(({ macAddress }) => macAddress)).size).toBe(100)
  expect(new Set(given.map(({ ipAddress }) => ipAddress)).size).toBe(100)
})

test('the lowest free address is given, and given again when its machine is gone', async () => {
  const { w, settle, identity } = await settled(machine('a', nic()), machine('b', nic()))
  expect((await identity('a'))?.[0]?.ipAddress).toBe('10.80.0.2')
  expect((await identity('b'))?.[0]?.ipAddress).toBe('10.80.0.3')
  await w.client.delete(virtualMachines, { name: 'a', namespace: 'default' })
  await settle()
  await w.client.create(virtualMachines, machine('c', nic()))
  await settle()
  expect((await identity('c'))?.[0]?.ipAddress).toBe('10.80.0.2')
})

test('addresses that the spec names are kept to', async () => {
  const named = { macAddress: '52:54:00:aa:bb:cc', ipAddress: '10.80.0.200' }
  const { identity, networksReady } = await settled(machine('a', nic(named)))
  expect(await identity('a')).toEqual([{ name: 'eth0', ...named }])
  expect(await networksReady('a')).toMatchObject({ status: 'True', reason: 'NetworksFound' })
})

test('an address that another machine asks for by name is not given to anybody else', async () => {
  const w = world(...anInstallation())
  for (const one of [machine('a', nic()), machine('b', nic({ ipAddress: '10.80.0.2' }))]) {
    await w.client.create(virtualMachines, one)
  }
  await w.settle()
  expect((await w.get(virtualMachines, 'a')).status?.interfaces?.[0]?.ipAddress).toBe('10.80.0.3')
  expect((await w.get(virtualMachines, 'b')).status?.interfaces?.[0]?.ipAddress).toBe('10.80.0.2')
})

test('two machines that name the same addresses: one has them, the other says whose they are and waits', async () => {
  const named = { macAddress: '52:54:00:aa:bb:cc', ipAddress: '10.80.0.200' }
  const { w, settle, networksReady } = await settled(machine('a', nic(named)), machine('b', nic(named)))
  expect(await networksReady('b')).toMatchObject({
    status: 'False',
    reason: 'AddressConflict',
    message: 'MAC address 52:54:00:aa:bb:cc of interface eth0 is in use by default/a',
  })
  expect((await w.get(virtualMachines, 'b')).status?.phase).toBe('Pending')
  await w.client.delete(virtualMachines, { name: 'a', namespace: 'default' })
  await settle()
  expect((await w.get(virtualMachines, 'b')).status?.phase).toBe('Running')
})

test('two interfaces of one machine that name the same address conflict like any two', async () => {
  const { networksReady } = await settled(
    machine('a', nic({ ipAddress: '10.80.0.9' }), nic({ name: 'eth1', ipAddress: '10.80.0.9' })),
  )
  expect(await networksReady('a')).toMatchObject({
    reason: 'AddressConflict',
    message: 'Address 10.80.0.9 of interface eth1 is in use by default/a',
  })
})

test('the same address on another network is no conflict', async () => {
  const other = aNetwork({ metadata: { name: 'other' } })
  const { identity } = await settled(
    other,
    machine('a', nic()),
    machine('b', nic({ network: { name: 'other' } })),
  )
  expect((await identity('a'))?.[0]?.ipAddress).toBe('10.80.0.2')
  expect((await identity('b'))?.[0]?.ipAddress).toBe('10.80.0.2')
})

test('an address outside of the subnet is refused with the range', async () => {
  const { networksReady } = await settled(machine('a', nic({ ipAddress: '192.168.1.5' })))
  expect(await networksReady('a')).toMatchObject({
    reason: 'AddressNotInSubnet',
    message:
      'Address 192.168.1.5 of interface eth0 is not one that machines on network default (10.80.0.0/24) can have',
  })
})

test('a network without a free address says so, and helps when one is let go', async () => {
  const small = aNetwork({ metadata: { name: 'small' }, spec: { subnets: [{ cidr: '10.9.0.0/30' }] } })
  const onSmall = nic({ network: { name: 'small' } })
  const w = world(...anInstallation(), small)
  for (const name of ['a', 'b']) await w.client.create(virtualMachines, machine(name, onSmall))
  await w.settle()
  const waiting = await w.get(virtualMachines, 'b')
  expect(getCondition(waiting, 'NetworksReady')).toMatchObject({
    reason: 'AddressesExhausted',
    message: 'Network small has no free address left for interface eth0',
  })
  await w.client.delete(virtualMachines, { name: 'a', namespace: 'default' })
  await w.settle()
  expect((await w.get(virtualMachines, 'b')).status?.interfaces?.[0]?.ipAddress).toBe('10.9.0.2')
})

test('an interface that moves to another network gets an address there and keeps its MAC address', async () => {
  const other = aNetwork({ metadata: { name: 'other' }, spec: { subnets: [{ cidr: '10.90.0.0/24' }] } })
  const { w, settle, identity } = await settled(other, machine('a', nic()))
  const before = await identity('a')
  const body = { spec: { interfaces: [nic({ network: { name: 'other' } })] } }
  await w.client.patch(virtualMachines, { name: 'a', namespace: 'default' }, { type: 'merge', body })
  await settle()
  expect(await identity('a')).toEqual([
    { name: 'eth0', macAddress: before?.[0]?.macAddress, ipAddress: '10.90.0.2' },
  ])
  expect(getCondition(await w.get(virtualMachines, 'a'), 'RestartRequired')?.message).toBe(
    'Changes take effect at the next start: interfaces[eth0].ipAddress, interfaces[eth0].network.name',
  )
})

test('a network that goes does not take the address away', async () => {
  const { w, settle, identity } = await settled(machine('a', nic()))
  const before = await identity('a')
  await w.client.patch(
    networks,
    { name: 'default' },
    {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    },
  )
  await w.client.delete(networks, { name: 'default' })
  await settle()
  expect(await w.find(networks, 'default')).toBeUndefined()
  expect(await identity('a')).toEqual(before)
})

test('a subnet that is none is the reason why a machine waits', async () => {
  const { w, networksReady } = await settled(
    aNetwork({ metadata: { name: 'bad' }, spec: { subnets: [{ cidr: '10.80.0.300/24' }] } }),
    machine('a', nic({ network: { name: 'bad' } })),
  )
  expect(await networksReady('a')).toMatchObject({ status: 'False', reason: 'SubnetInvalid' })
  expect(getCondition(await w.get(networks, 'bad'), 'Ready')).toMatchObject({ reason: 'SubnetInvalid' })
})

describe('freeMacAddress', () => {
  test('is the same for the same machine and interface, in the range of guests', () => {
    const one = freeMacAddress('uid', 'eth0', () => true)
    expect(one).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/)
    expect(freeMacAddress('uid', 'eth0', () => true)).toBe(one)
    expect(freeMacAddress('uid', 'eth1', () => true)).not.toBe(one)
  })

  test('goes on to the next when it is taken', () => {
    const first = freeMacAddress('uid', 'eth0', () => true)
    expect(freeMacAddress('uid', 'eth0', (mac) => mac !== first)).not.toBe(first)
    expect(freeMacAddress('uid', 'eth0', () => false)).toBeUndefined()
  })
})

describe('AddressBook', () => {
  const holder = (machineUid: string): AddressHolder => ({
    machineUid,
    machineKey: machineUid,
    interfaceName: 'eth0',
  })

  test('what was handed out is taken until its machine forgets it', () => {
    const book = new AddressBook({ holding: () => [], naming: () => [] })
    expect(book.take('mac/x', holder('a'))).toBe(true)
    expect(book.take('mac/x', holder('b'))).toBe(false)
    expect(book.holderOf('mac/x', holder('b'))).toEqual(holder('a'))
    expect(book.take('mac/x', holder('a'))).toBe(true)
    book.forget('a')
    expect(book.take('mac/x', holder('b'))).toBe(true)
  })
})
