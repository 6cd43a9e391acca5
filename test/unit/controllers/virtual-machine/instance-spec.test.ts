import { describe, expect, test } from 'vitest'
import {
  differingFields,
  instanceOf,
  instanceSpecOf,
} from '../../../../controllers/virtual-machine/instance-spec.ts'
import { virtualMachineInstanceKind } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import { aVirtualMachine, type Overrides } from '../../../support/builders.ts'

const base: Overrides<VirtualMachine['spec']> = {
  hostSelector: { rack: 'a' },
  disks: [
    { name: 'root', bus: 'virtio', bootOrder: 1, disk: { name: 'golden' } },
    { name: 'data', bus: 'scsi', disk: { name: 'data' } },
  ],
  interfaces: [{ name: 'eth0', network: { name: 'default' }, model: 'virtio' }],
}

const specOf = (spec: Overrides<VirtualMachine['spec']> = {}) =>
  instanceSpecOf(
    aVirtualMachine({
      spec: { ...base, ...spec },
      status: {
        interfaces: [
          { name: 'eth0', macAddress: '52:54:00:00:00:01', ipAddress: '10.80.0.2' },
          { name: 'eth1', macAddress: '52:54:00:00:00:02' },
        ],
      },
    }),
  )

test('a run has everything of its machine, its own finalizer and its owner', () => {
  const vm = aVirtualMachine({ metadata: { generation: 7 } })
  const instance = instanceOf(vm)
  expect(virtualMachineInstanceKind.spec.parse(instance.spec)).toEqual(instance.spec)
  expect(instance.metadata).toEqual({
    name: 'vm-1',
    namespace: 'default',
    finalizers: ['kvorum.dev/domain'],
    ownerReferences: [
      expect.objectContaining({ uid: vm.metadata.uid, controller: true, blockOwnerDeletion: true }),
    ],
  })
  expect(instance.spec).toMatchObject({ machineGeneration: 7, uuid: vm.metadata.uid })
})

describe('differingFields', () => {
  const rows: { name: string; change: Overrides<VirtualMachine['spec']>; fields: string[] }[] = [
    { name: 'nothing when nothing changed', change: {}, fields: [] },
    {
      name: 'the size of the CPU',
      change: { cpu: { cores: 2, threads: 2 } },
      fields: ['cpu.cores', 'cpu.threads'],
    },
    { name: 'the memory', change: { memory: { size: '2Gi' } }, fields: ['memory.size'] },
    {
      name: 'nothing when the memory is written otherwise',
      change: { memory: { size: '1024Mi' } },
      fields: [],
    },
    { name: 'the firmware', change: { firmware: { type: 'uefi' } }, fields: ['firmware.type'] },
    { name: 'the cluster', change: { hostCluster: { name: 'other' } }, fields: ['hostCluster.name'] },
    {
      name: 'the host selector as a whole',
      change: { hostSelector: { rack: 'b' } },
      fields: ['hostSelector'],
    },
    { name: 'a host selector that went', change: { hostSelector: undefined }, fields: ['hostSelector'] },
    {
      name: 'nothing for the grace period, which is live',
      change: { terminationGracePeriodSeconds: 5 },
      fields: [],
    },
    {
      name: 'a disk that went and one that came',
      change: {
        disks: [
          { name: 'root', bus: 'virtio', bootOrder: 1, disk: { name: 'golden' } },
          { name: 'more', bus: 'scsi', disk: { name: 'more' } },
        ],
      },
      fields: ['disks[data]', 'disks[more]'],
    },
    {
      name: 'what changed within a disk',
      change: {
        disks: [
          { name: 'root', bus: 'sata', disk: { name: 'golden' } },
          { name: 'data', bus: 'scsi', disk: { name: 'other' } },
        ],
      },
      fields: ['disks[data].disk.name', 'disks[root].bootOrder', 'disks[root].bus'],
    },
    {
      name: 'nothing when disks only changed places',
      change: { disks: base.disks?.toReversed() },
      fields: [],
    },
    {
      name: 'a new interface, and the network of another',
      change: {
        interfaces: [
          { name: 'eth0', network: { name: 'lan' }, model: 'e1000' },
          { name: 'eth1', network: { name: 'lan' }, model: 'virtio' },
        ],
      },
      fields: ['interfaces[eth0].model', 'interfaces[eth0].network.name', 'interfaces[eth1]'],
    },
  ]
  test.each(rows)('names $name', ({ change, fields }) => {
    expect(differingFields(specOf(), specOf(change))).toEqual(fields)
  })
})
