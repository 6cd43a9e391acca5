import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, count, listMap, observedGeneration } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'

export const StorageDomainReady = 'Ready'

export const StorageDomainReason = {
  Attached: 'At least one host can use the domain.',
  NoHosts: 'No host has attached the domain yet.',
  AttachFailed: 'No host can use the domain; the message says why.',
  InUse: 'The domain is to be deleted and waits for what is kept in it; the message counts it.',
} as const

export const storageDomainSpec = z
  .object({
    type: z.enum(['local']).meta({
      description: 'What kind of storage it is. `local` is a directory of each host.',
      effect: 'immutable',
    }),
    local: z
      .object({
        path: z
          .string()
          .max(1024)
          .regex(/^\/[^\0]*$/)
          .optional()
          .meta({
            description:
              'Directory on each host. Left out, the daemon uses one below its own data directory.',
            effect: 'immutable',
          }),
      })
      .optional()
      .describe('Settings of a `local` domain.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'self.type == oldSelf.type',
        message: 'the type of a storage domain cannot change',
        fieldPath: '.type',
      },
      {
        rule: "(has(self.local) && has(self.local.path) ? self.local.path : '') == (has(oldSelf.local) && has(oldSelf.local.path) ? oldSelf.local.path : '')",
        message: 'the path of a storage domain cannot change: make a new domain',
        fieldPath: '.local',
      },
    ],
  })

const domainHost = z.object({
  name: z.string().max(253).describe('The host.'),
  ready: z.boolean().describe('Whether the host can use the domain.'),
  message: z.string().max(1024).optional().describe('Why not.'),
  capacityBytes: count('Size of the file system there.').optional(),
  availableBytes: count('Free space there.').optional(),
})

export const storageDomainStatus = z.object({
  observedGeneration,
  capacityBytes: count('Size over all hosts.').optional(),
  availableBytes: count('Free space over all hosts.').optional(),
  provisionedBytes: count('What disks may grow to in all.').optional(),
  hosts: listMap(domainHost, 'name', 4096).optional().describe('The domain as each host sees it.'),
  conditions,
})

export type StorageDomain = Resource<z.infer<typeof storageDomainSpec>, z.infer<typeof storageDomainStatus>>

export const storageDomainKind = defineKind({
  kind: 'StorageDomain',
  plural: 'storagedomains',
  shortNames: ['sd'],
  scope: 'Cluster',
  description: 'A place for disks and images.',
  spec: storageDomainSpec,
  status: storageDomainStatus,
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Kind of storage.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it can be used.',
    },
    {
      name: 'Capacity',
      type: 'integer',
      jsonPath: '.status.capacityBytes',
      description: 'Bytes in all.',
      priority: 1,
    },
    { name: 'Available', type: 'integer', jsonPath: '.status.availableBytes', description: 'Bytes free.' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
  ],
  selectableFields: ['.spec.type'],
  conditions: [
    {
      type: StorageDomainReady,
      description: 'Whether the domain can be used.',
      reasons: StorageDomainReason,
    },
  ],
})
