import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, count, observedGeneration, quantity, reference } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'
import { diskFormats } from './image.ts'

export const DiskReady = 'Ready'

export const DiskReason = {
  Provisioned: 'The disk is there and has the size asked for.',
  Provisioning: 'The disk is being made.',
  Resizing: 'The disk is being grown.',
  WaitForFirstConsumer: 'A disk on local storage is made on the host that its first machine is placed on.',
  StorageDomainNotFound: 'The storage domain that the disk names does not exist.',
  StorageDomainNotReady: 'The storage domain cannot be used on the host.',
  ImageNotFound: 'The image that the disk is made from does not exist.',
  ImageNotReady: 'The image that the disk is made from is not imported yet.',
  ImageFailed: 'The image that the disk is made from could not be imported.',
  SizeTooSmall: 'The disk would be smaller than the image that it is made from.',
  ProvisionFailed: 'The disk could not be made; it is tried again.',
  InUse: 'The disk is to be deleted and waits for the machine that uses it.',
  Deleting: 'The disk is being removed from its storage domain.',
} as const

const diskSource = z
  .object({
    image: reference('Start as a copy of this Image.').optional(),
  })
  .describe('What the disk holds at first. Left out, it is blank.')

/** What a disk is, shared by `Disk` and by the disks that a VirtualMachine declares inline. */
export const diskTemplate = z.object({
  size: quantity('Size that the guest sees. It may grow, never shrink. Left out, that of the image.')
    .optional()
    .meta({ effect: 'live' }),
  storageDomain: reference('Where the disk is kept.')
    .prefault({ name: 'default' })
    .meta({ effect: 'immutable' }),
  format: z
    .enum(diskFormats)
    .default('qcow2')
    .meta({ description: 'How the disk is stored.', effect: 'immutable' }),
  provisioning: z.enum(['Thin', 'Preallocated']).default('Thin').meta({
    description: 'Thin takes space as it is written, Preallocated takes all at once.',
    effect: 'immutable',
  }),
  source: diskSource.optional().meta({ effect: 'immutable' }),
})

/** Cross-field rules of a disk; `oldSelf` rules hold wherever the disk can be told apart from its neighbours. */
export const diskTemplateRules = [
  {
    rule: 'has(self.size) || (has(self.source) && has(self.source.image))',
    message: 'a blank disk needs a size',
    fieldPath: '.size',
  },
  {
    rule: '!has(oldSelf.size) || (has(self.size) && quantity(string(self.size)).compareTo(quantity(string(oldSelf.size))) >= 0)',
    message: 'a disk cannot shrink',
    fieldPath: '.size',
  },
  {
    rule: 'self.storageDomain == oldSelf.storageDomain && self.format == oldSelf.format && self.provisioning == oldSelf.provisioning',
    message: 'storageDomain, format and provisioning of a disk cannot change',
  },
  {
    rule: 'has(self.source) == has(oldSelf.source) && (!has(self.source) || self.source == oldSelf.source)',
    message: 'the source of a disk cannot change',
    fieldPath: '.source',
  },
]

export const diskSpec = diskTemplate
  .extend({
    wipeAfterDelete: z.boolean().optional().meta({
      description:
        'Overwrite with zeros what the disk holds before its file is removed. May be changed until the disk is deleted.',
      effect: 'live',
    }),
  })
  .meta({ 'x-kubernetes-validations': diskTemplateRules })

export const diskStatus = z.object({
  observedGeneration,
  phase: z
    .enum(['Pending', 'Provisioning', 'Ready', 'Failed', 'Deleting'])
    .optional()
    .describe('Where the disk stands.'),
  hostName: z.string().max(253).optional().describe('The host that holds the disk, on local storage.'),
  path: z.string().max(4096).optional().describe('Where the disk is on its host.'),
  capacityBytes: count('Size that the guest sees.').optional(),
  allocatedBytes: count('Bytes that the disk takes up.').optional(),
  conditions,
})

export type DiskSpec = z.infer<typeof diskSpec>
export type Disk = Resource<DiskSpec, z.infer<typeof diskStatus>>

export const diskKind = defineKind({
  kind: 'Disk',
  plural: 'disks',
  shortNames: ['disk'],
  scope: 'Namespaced',
  description: 'A virtual disk. It outlives the runs of the machines that use it.',
  spec: diskSpec,
  status: diskStatus,
  printerColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the disk stands.' },
    {
      name: 'Capacity',
      type: 'integer',
      jsonPath: '.status.capacityBytes',
      description: 'Size that the guest sees, in bytes.',
    },
    {
      name: 'Domain',
      type: 'string',
      jsonPath: '.spec.storageDomain.name',
      description: 'Where it is kept.',
    },
    { name: 'Host', type: 'string', jsonPath: '.status.hostName', description: 'The host that holds it.' },
    {
      name: 'Image',
      type: 'string',
      jsonPath: '.spec.source.image.name',
      description: 'What it was made from.',
      priority: 1,
    },
    {
      name: 'Allocated',
      type: 'integer',
      jsonPath: '.status.allocatedBytes',
      description: 'Bytes that it takes up.',
      priority: 1,
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
  ],
  selectableFields: ['.status.hostName', '.spec.storageDomain.name'],
  conditions: [{ type: DiskReady, description: 'Whether machines can use the disk.', reasons: DiskReason }],
})
