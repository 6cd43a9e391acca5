import type { Clock } from '../../apimachinery/clock.ts'
import { type NewCondition, setCondition } from '../../apimachinery/conditions.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import {
  type Host,
  HostNetworkReady,
  HostReady,
  HostStorageReady,
  type HostReadyReason,
} from '../../crds/v1alpha1/host.ts'
import type { NetworkAttachment, StorageAttachment } from '../attachment/attachments.ts'
import type { HypervisorFacts } from '../hypervisor/hypervisor.ts'
import type { MachineFacts } from './machine-facts.ts'

/** Everything that a Host's status says. */
export interface HostObservation {
  readonly hostName: string
  readonly machine: MachineFacts
  /** Undefined until libvirt has answered for the first time. */
  readonly hypervisor: HypervisorFacts | undefined
  readonly readiness: HostReadiness
  /** Where consoles are served; `address` only when that is not every address of the host. */
  readonly endpoint: { readonly address?: string; readonly port: number }
  readonly version: string
  readonly storage: readonly StorageAttachment[]
  readonly networks: readonly NetworkAttachment[]
  readonly machines: number
  readonly unmanagedDomains: readonly string[]
}

export interface HostReadiness {
  readonly reason: Extract<keyof typeof HostReadyReason, 'DaemonReady' | 'LibvirtUnavailable' | 'Starting'>
  readonly message: string
}

type HostStatus = NonNullable<Host['status']>

const gibibyte = 1024 ** 3
// What the host itself needs: a gibibyte, but never more than a tenth of a small host.
const reserveShare = 0.1

/** The status that the Host should have. Attachments and domains are sorted, so that the same facts are the same status. */
export function hostStatus(host: Stored<Host>, clock: Clock, seen: HostObservation): HostStatus {
  const { generation } = host.metadata
  const status: HostStatus = {
    ...host.status,
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(seen.hypervisor && hypervisorStatus(seen.hypervisor)),
    addresses: [
      { type: 'Hostname', address: seen.hostName },
      ...seen.machine.addresses.map((address) => ({ type: 'InternalIP', address }) as const),
    ],
    operatingSystem: {
      ...(seen.machine.operatingSystem !== undefined && { name: seen.machine.operatingSystem }),
      kernel: seen.machine.kernel,
    },
    daemonEndpoint: { ...seen.endpoint },
    daemonVersion: seen.version,
    startedAt: `${new Date(seen.machine.bootedAt).toISOString().slice(0, 19)}Z`,
    storageDomains: seen.storage.toSorted(byName),
    networks: seen.networks.map(({ mtu: _mtu, ...attachment }) => attachment).toSorted(byName),
    machines: seen.machines,
    unmanagedDomains: seen.unmanagedDomains.toSorted().slice(0, 1024),
    conditions: structuredClone(host.status?.conditions ?? []),
  }
  const copy = { metadata: host.metadata, status }
  for (const condition of conditions(seen)) setCondition(copy, clock, condition)
  return copy.status
}

function hypervisorStatus(facts: HypervisorFacts) {
  const { topology, cpus, memoryBytes } = facts
  const reserve = Math.min(gibibyte, Math.floor(memoryBytes * reserveShare))
  return {
    capacity: { cpus, memoryBytes },
    allocatable: { cpus, memoryBytes: memoryBytes - reserve },
    cpu: {
      architecture: facts.architecture,
      ...(facts.cpuModel !== undefined && { model: facts.cpuModel }),
      ...(facts.cpuVendor !== undefined && { vendor: facts.cpuVendor }),
      ...(topology && {
        sockets: topology.sockets,
        coresPerSocket: topology.cores,
        threadsPerCore: topology.threads,
      }),
    },
    hypervisor: {
      accelerator: facts.accelerator,
      ...(facts.hypervisorVersion !== undefined && { libvirtVersion: facts.hypervisorVersion }),
      ...(facts.qemuVersion !== undefined && { qemuVersion: facts.qemuVersion }),
    },
  }
}

function conditions({ readiness, storage, networks }: HostObservation): NewCondition[] {
  const ready = readiness.reason === 'DaemonReady'
  const failedStorage = storage.filter((attachment) => !attachment.ready).map(describe)
  const failedNetworks = networks.filter((attachment) => !attachment.ready).map(describe)
  return [
    { type: HostReady, status: ready ? 'True' : 'False', ...readiness },
    failedStorage.length === 0
      ? {
          type: HostStorageReady,
          status: 'True',
          reason: 'AllAttached',
          message: 'Every storage domain can be used',
        }
      : {
          type: HostStorageReady,
          status: 'False',
          reason: 'DomainFailed',
          message: failedStorage.toSorted().join('; '),
        },
    failedNetworks.length === 0
      ? { type: HostNetworkReady, status: 'True', reason: 'AllActive', message: 'Every network can be used' }
      : {
          type: HostNetworkReady,
          status: 'False',
          reason: 'NetworkFailed',
          message: failedNetworks.toSorted().join('; '),
        },
  ]
}

function describe({ name, message }: StorageAttachment | NetworkAttachment): string {
  return `${name}: ${message ?? 'it cannot be used'}`
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}
