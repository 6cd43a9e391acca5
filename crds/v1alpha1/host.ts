import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, count, dateTime, listMap, observedGeneration, reference } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'
import { resourceTotals } from './resource-totals.ts'

export { hostLeaseNamespace } from '../names.ts'

export const HostReady = 'Ready'
export const HostStorageReady = 'StorageReady'
export const HostNetworkReady = 'NetworkReady'

export const HostReadyReason = {
  DaemonReady: 'The daemon renews its lease and libvirt answers.',
  LibvirtUnavailable: 'The daemon is alive, but libvirt does not answer it.',
  LeaseExpired: 'The daemon has not renewed its lease; what runs on the host is unknown.',
  Starting: 'The daemon has registered the host and is looking at what runs on it.',
} as const

export const HostStorageReason = {
  AllAttached: 'Every storage domain of the host can be used.',
  DomainFailed: 'A storage domain cannot be used; the message names it.',
} as const

export const HostNetworkReason = {
  AllActive: 'Every network of the host can be used.',
  NetworkFailed: 'A network cannot be used; the message names it.',
} as const

export const hostSpec = z.object({
  hostCluster: reference('The cluster that the host belongs to.')
    .prefault({ name: 'default' })
    .meta({ effect: 'restart' }),
  schedulable: z.boolean().default(true).meta({
    description: 'Whether new machine runs may be placed here. What runs already stays.',
    effect: 'live',
  }),
})

const attachment = z.object({
  name: z.string().max(253).describe('The domain or network.'),
  ready: z.boolean().describe('Whether machines can use it on this host.'),
  message: z.string().max(1024).optional().describe('Why not.'),
})

const storageAttachment = attachment.extend({
  capacityBytes: count('Size of the file system.').optional(),
  availableBytes: count('Free space.').optional(),
})

const networkAttachment = attachment.extend({
  bridge: z.string().max(15).optional().describe('The interface that machines are plugged into.'),
})

export const hostStatus = z.object({
  observedGeneration,
  capacity: resourceTotals('What the hardware has.').optional(),
  allocatable: resourceTotals('What is left for machines after the reserve for the host itself.').optional(),
  addresses: z
    .array(
      z.object({
        type: z.enum(['Hostname', 'InternalIP']).describe('What the address is.'),
        address: z.string().max(253).describe('The address.'),
      }),
    )
    .max(64)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional()
    .describe('How the host is reached.'),
  cpu: z
    .object({
      architecture: z.string().max(32).describe('Machine architecture, such as x86_64.'),
      model: z.string().max(128).optional().describe("libvirt's name of the CPU model."),
      vendor: z.string().max(128).optional().describe('CPU vendor.'),
      sockets: z.int32().min(1).optional().describe('CPU sockets.'),
      coresPerSocket: z.int32().min(1).optional().describe('Cores per socket.'),
      threadsPerCore: z.int32().min(1).optional().describe('Threads per core.'),
    })
    .optional()
    .describe('The processor.'),
  hypervisor: z
    .object({
      accelerator: z
        .enum(['KVM', 'TCG', 'None'])
        .describe('KVM runs guests on the CPU; TCG emulates and is slow; None simulates.'),
      libvirtVersion: z.string().max(64).optional().describe('Version of libvirtd.'),
      qemuVersion: z.string().max(64).optional().describe('Version of QEMU.'),
    })
    .optional()
    .describe('What runs the machines.'),
  operatingSystem: z
    .object({
      name: z.string().max(256).optional().describe('Name and version of the distribution.'),
      kernel: z.string().max(256).optional().describe('Kernel release.'),
    })
    .optional()
    .describe('What the host runs.'),
  daemonEndpoint: z
    .object({
      address: z
        .string()
        .max(253)
        .optional()
        .describe('Address to connect to. Left out, the first InternalIP.'),
      port: z.int32().min(1).max(65535).describe('Port of HTTPS for streams.'),
    })
    .optional()
    .describe('Where the daemon serves consoles to the API server.'),
  daemonVersion: z.string().max(64).optional().describe('Version of the node daemon.'),
  startedAt: dateTime('When the host booted.').optional(),
  storageDomains: listMap(storageAttachment, 'name', 256)
    .optional()
    .describe('Storage domains as seen from here.'),
  networks: listMap(networkAttachment, 'name', 1024).optional().describe('Networks as seen from here.'),
  machines: count('Machine runs on the host.').optional(),
  unmanagedDomains: z
    .array(z.string().max(253))
    .max(1024)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional()
    .describe("libvirt domains that are not Kvorum's. They are reported and never touched."),
  conditions,
})

export type Host = Resource<z.infer<typeof hostSpec>, z.infer<typeof hostStatus>>

export const hostKind = defineKind({
  kind: 'Host',
  plural: 'hosts',
  shortNames: ['host'],
  scope: 'Cluster',
  description: 'One libvirt host. Its daemon registers it and keeps its status.',
  spec: hostSpec,
  status: hostStatus,
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether the host can run machines.',
    },
    {
      name: 'Cluster',
      type: 'string',
      jsonPath: '.spec.hostCluster.name',
      description: 'The cluster it belongs to.',
    },
    { name: 'CPUs', type: 'integer', jsonPath: '.status.capacity.cpus', description: 'Hardware threads.' },
    { name: 'Machines', type: 'integer', jsonPath: '.status.machines', description: 'Machine runs on it.' },
    {
      name: 'Accelerator',
      type: 'string',
      jsonPath: '.status.hypervisor.accelerator',
      description: 'KVM or TCG.',
      priority: 1,
    },
    {
      name: 'Libvirt',
      type: 'string',
      jsonPath: '.status.hypervisor.libvirtVersion',
      description: 'Version of libvirtd.',
      priority: 1,
    },
    {
      name: 'Schedulable',
      type: 'boolean',
      jsonPath: '.spec.schedulable',
      description: 'Whether new runs may be placed here.',
      priority: 1,
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since it registered.',
    },
  ],
  selectableFields: ['.spec.hostCluster.name'],
  conditions: [
    { type: HostReady, description: 'Whether the host can run machines.', reasons: HostReadyReason },
    {
      type: HostStorageReady,
      description: 'Whether its storage domains can be used.',
      reasons: HostStorageReason,
    },
    { type: HostNetworkReady, description: 'Whether its networks can be used.', reasons: HostNetworkReason },
  ],
})
