import { apiVersionOf, type KindDefinition } from '../../crds/meta/define-kind.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import { type Disk, diskKind } from '../../crds/v1alpha1/disk.ts'
import { type HostCluster, hostClusterKind } from '../../crds/v1alpha1/host-cluster.ts'
import { type Host, hostKind } from '../../crds/v1alpha1/host.ts'
import { type Image, imageKind } from '../../crds/v1alpha1/image.ts'
import { type Network, networkKind } from '../../crds/v1alpha1/network.ts'
import { type StorageDomain, storageDomainKind } from '../../crds/v1alpha1/storage-domain.ts'
import {
  type VirtualMachineInstance,
  virtualMachineInstanceKind,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { type VirtualMachine, virtualMachineKind } from '../../crds/v1alpha1/virtual-machine.ts'

/** Any part of `T`; lists are given whole, of items that may leave out what has a default. */
export type Overrides<T> = T extends readonly (infer Item)[]
  ? readonly Overrides<Item>[]
  : T extends object
    ? { [K in keyof T]?: Overrides<T[K]> | undefined }
    : T

/*
 * Each builder returns a valid object as the API server would hold it, with the schema's defaults filled in. What is
 * given replaces what is there, objects field by field; `undefined` takes a field away.
 */

/** Running, 1 CPU, 1 GiB, no disks, no interfaces. */
export function aVirtualMachine(overrides: Overrides<VirtualMachine> = {}): Stored<VirtualMachine> {
  return build<VirtualMachine>(virtualMachineKind, 'vm-1', { spec: { memory: { size: '1Gi' } } }, overrides)
}

/** A run of `vm-1` that no host was chosen for. */
export function aVirtualMachineInstance(
  overrides: Overrides<VirtualMachineInstance> = {},
): Stored<VirtualMachineInstance> {
  const spec = {
    virtualMachine: { name: 'vm-1', uid: uidOf('VirtualMachine', 'vm-1') },
    machineGeneration: 1,
    hostCluster: { name: 'default' },
    uuid: uidOf('guest', 'vm-1'),
    cpu: {},
    memory: { size: '1Gi' },
    firmware: {},
    terminationGracePeriodSeconds: 60,
  }
  return build<VirtualMachineInstance>(virtualMachineInstanceKind, 'vm-1', { spec }, overrides)
}

/** A ready host with 8 threads and 16 GiB, all of them free. */
export function aHost(overrides: Overrides<Host> = {}): Stored<Host> {
  const totals = { cpus: 8, memoryBytes: 16 * 1024 ** 3 }
  const status = {
    observedGeneration: 1,
    capacity: totals,
    allocatable: totals,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'DaemonReady',
        message: 'The daemon is ready',
        lastTransitionTime: created,
        observedGeneration: 1,
      },
    ],
  }
  return build<Host>(hostKind, 'host-1', { spec: {}, status }, overrides)
}

/** 10 GiB, blank, in the storage domain `default`, not made yet. */
export function aDisk(overrides: Overrides<Disk> = {}): Stored<Disk> {
  return build<Disk>(diskKind, 'disk-1', { spec: { size: '10Gi' } }, overrides)
}

/** To be fetched by HTTP into the storage domain `default`. */
export function anImage(overrides: Overrides<Image> = {}): Stored<Image> {
  const spec = { source: { http: { url: 'http://images.test/disk.qcow2' } } }
  return build<Image>(imageKind, 'image-1', { spec }, overrides)
}

/** `nat`, 10.80.0.0/24. */
export function aNetwork(overrides: Overrides<Network> = {}): Stored<Network> {
  const spec = { type: 'nat', subnets: [{ cidr: '10.80.0.0/24' }] }
  return build<Network>(networkKind, 'default', { spec }, overrides)
}

/** `local`. */
export function aStorageDomain(overrides: Overrides<StorageDomain> = {}): Stored<StorageDomain> {
  return build<StorageDomain>(storageDomainKind, 'default', { spec: { type: 'local' } }, overrides)
}

export function aHostCluster(overrides: Overrides<HostCluster> = {}): Stored<HostCluster> {
  return build<HostCluster>(hostClusterKind, 'default', { spec: {} }, overrides)
}

const created = '2026-01-01T00:00:00Z'

function build<T extends KubeObject & { spec: object }>(
  kind: KindDefinition,
  name: string,
  halves: { readonly spec: object; readonly status?: object },
  overrides: Overrides<T>,
): Stored<T> {
  const base = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name,
      ...(kind.scope === 'Namespaced' && { namespace: 'default' }),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: created,
    },
    ...halves,
  }
  const merged = merge(base, overrides) as Stored<T>
  const { metadata } = merged
  metadata.uid ??= uidOf(kind.kind, metadata.namespace ?? '', metadata.name)
  return { ...merged, spec: kind.spec.parse(merged.spec) }
}

function merge(base: unknown, overrides: unknown): unknown {
  if (!isPlain(base) || !isPlain(overrides)) return overrides
  const result = { ...base }
  for (const [key, value] of Object.entries(overrides)) {
    if (value === undefined) delete result[key]
    else result[key] = merge(result[key], value)
  }
  return result
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A UUID that is the same for the same words in every run. */
export function uidOf(...words: string[]): string {
  let state = 0xcbf29ce484222325n
  const digits: string[] = []
  for (const char of words.join('/'))
    state = BigInt.asUintN(64, (state ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n)
  for (let part = 0; part < 2; part++) {
    state = BigInt.asUintN(64, (state ^ (state >> 29n)) * 0xbf58476d1ce4e5b9n)
    digits.push(state.toString(16).padStart(16, '0'))
  }
  const hex = digits.join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}
