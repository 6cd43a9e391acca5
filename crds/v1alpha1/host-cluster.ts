import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, count, observedGeneration } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'
import { resourceTotals } from './resource-totals.ts'

export const HostClusterReady = 'Ready'

export const HostClusterReason = {
  HostsReady: 'At least one host of the cluster is ready to run machines.',
  NoHosts: 'No host names this cluster.',
  NoReadyHosts: 'The cluster has hosts, but none of them is ready.',
} as const

export const hostClusterSpec = z.object({
  overcommit: z
    .object({
      cpuPercent: z.int().min(100).max(3200).default(1000).meta({
        description: "Virtual CPUs that may be promised, in percent of a host's hardware threads.",
        effect: 'live',
      }),
      memoryPercent: z.int().min(50).max(200).default(100).meta({
        description: "Guest memory that may be promised, in percent of a host's allocatable memory.",
        effect: 'live',
      }),
    })
    .prefault({})
    .describe('How much more than a host has may be promised to machines.'),
  scheduling: z
    .object({
      policy: z.enum(['Spread', 'Pack']).default('Spread').meta({
        description: 'Spread places on the host with most room, Pack on the fullest that still fits.',
        effect: 'live',
      }),
    })
    .prefault({})
    .describe('How hosts are chosen.'),
  libvirtFragments: z.enum(['Forbidden', 'Allowed']).default('Forbidden').meta({
    description:
      'Whether machines may have raw libvirt XML. It reaches whatever the hypervisor reaches: files and devices of the host.',
    effect: 'live',
  }),
})

export const hostClusterStatus = z.object({
  observedGeneration,
  hosts: z
    .object({ total: count('Hosts that name this cluster.'), ready: count('Those that are ready.') })
    .optional()
    .describe('Host counts.'),
  machines: count("Machine runs placed on the cluster's hosts.").optional(),
  allocatable: resourceTotals('What the ready hosts can give to machines, before overcommit.').optional(),
  allocated: resourceTotals('What is promised to machines.').optional(),
  conditions,
})

export type HostCluster = Resource<z.infer<typeof hostClusterSpec>, z.infer<typeof hostClusterStatus>>

export const hostClusterKind = defineKind({
  kind: 'HostCluster',
  plural: 'hostclusters',
  shortNames: ['hc'],
  scope: 'Cluster',
  description:
    'A set of hosts that are interchangeable: a machine placed in the cluster may run on any of them.',
  spec: hostClusterSpec,
  status: hostClusterStatus,
  printerColumns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether machines can run.',
    },
    { name: 'Hosts', type: 'integer', jsonPath: '.status.hosts.total', description: 'Hosts in the cluster.' },
    {
      name: 'Ready-Hosts',
      type: 'integer',
      jsonPath: '.status.hosts.ready',
      description: 'Hosts that are ready.',
    },
    { name: 'Machines', type: 'integer', jsonPath: '.status.machines', description: 'Machine runs placed.' },
    {
      name: 'Policy',
      type: 'string',
      jsonPath: '.spec.scheduling.policy',
      description: 'How hosts are chosen.',
      priority: 1,
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
  ],
  selectableFields: [],
  conditions: [
    {
      type: HostClusterReady,
      description: 'Whether the cluster can run machines.',
      reasons: HostClusterReason,
    },
  ],
})
