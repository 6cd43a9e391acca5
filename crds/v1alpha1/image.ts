import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, count, observedGeneration, reference } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'

export const ImageReady = 'Ready'

export const ImageReason = {
  Imported: 'The image is in its storage domain and its checksum is right.',
  Importing: 'The image is being copied.',
  WaitingForHost: 'No ready host has the storage domain attached.',
  WaitingForUpload: 'Nobody is uploading the image: kvorum image upload does.',
  StorageDomainNotFound: 'The storage domain that the image names does not exist.',
  SourceUnreachable: 'The source did not answer or broke off; it is tried again.',
  ImportFailed: 'The host could not import the image; the message says why, and it is tried again.',
  ChecksumMismatch: 'What arrived is not what the checksum promises; the partial copy was removed.',
  InvalidImage: 'What arrived is not an image that may be used; the message says why.',
  Deleting: 'The copy in the storage domain is being removed.',
} as const

export const diskFormats = ['qcow2', 'raw'] as const
export const imageFormats = ['qcow2', 'raw', 'vmdk', 'vdi', 'iso'] as const

export const imageCompressions = ['none', 'gzip', 'xz', 'zstd'] as const

const httpUrl = z
  .string()
  .max(4096)
  .regex(/^https?:\/\/[^\s]+$/)

const imageSource = z
  .object({
    http: z
      .object({
        url: httpUrl.describe('Where the image is.'),
        mirrors: z
          .array(httpUrl)
          .max(16)
          .optional()
          .describe(
            'Other places of the same bytes, asked in this order when the first does not answer. They need a checksum.',
          ),
      })
      .optional()
      .describe('Fetch the image by HTTP or HTTPS.'),
    file: z
      .object({
        path: z
          .string()
          .min(1)
          .max(1024)
          .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/)
          .describe("Path below the host's import directory, which its operator fills."),
      })
      .optional()
      .describe('Copy a file from the import directory of a host.'),
    upload: z
      .object({})
      .optional()
      .describe('A client brings the image: kvorum image upload. An upload that breaks off goes on.'),
  })
  .meta({
    description: 'Where the image comes from: exactly one of the fields.',
    effect: 'immutable',
    'x-kubernetes-validations': [
      {
        rule: '[has(self.http), has(self.file), has(self.upload)].filter(set, set).size() == 1',
        message: 'exactly one of http, file and upload must be set',
      },
    ],
  })

export const imageSpec = z
  .object({
    source: imageSource,
    checksum: z
      .string()
      .max(135)
      .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/)
      .optional()
      .meta({
        description: 'What the bytes of the source must hash to, as sha256:… or sha512:….',
        effect: 'immutable',
      }),
    format: z
      .enum(imageFormats)
      .optional()
      .meta({ description: "The source's format. Left out, it is recognised.", effect: 'immutable' }),
    compression: z.enum(imageCompressions).optional().meta({
      description:
        'How the source is packed. Left out, it is recognised, unless the format says raw. The checksum is of the packed bytes.',
      effect: 'immutable',
    }),
    storageDomain: reference('Where the image is kept.')
      .prefault({ name: 'default' })
      .meta({ effect: 'immutable' }),
  })
  .meta({
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'an image cannot change: make a new one' },
      {
        rule: '!has(self.source.http) || !has(self.source.http.mirrors) || has(self.checksum)',
        message: 'mirrors need a checksum, so that all of them mean the same bytes',
        fieldPath: '.checksum',
      },
    ],
  })

export const imageStatus = z.object({
  observedGeneration,
  phase: z
    .enum(['Pending', 'Importing', 'Ready', 'Failed', 'Deleting'])
    .optional()
    .describe('Where the import stands.'),
  hostName: z.string().max(253).optional().describe('The host that imports the image.'),
  progress: z.string().max(8).optional().describe('How much has arrived, such as 42%.'),
  digest: z.string().max(135).optional().describe('What the bytes of the source hash to.'),
  format: z.enum(imageFormats).optional().describe("The source's format."),
  virtualSizeBytes: count('Size of the disk that a guest sees.').optional(),
  sizeBytes: count('Bytes that the copy takes up.').optional(),
  conditions,
})

export type Image = Resource<z.infer<typeof imageSpec>, z.infer<typeof imageStatus>>

export const imageKind = defineKind({
  kind: 'Image',
  plural: 'images',
  shortNames: ['img'],
  scope: 'Namespaced',
  description: 'A golden image that disks are made from. It is imported once and never changes.',
  spec: imageSpec,
  status: imageStatus,
  printerColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the import stands.' },
    { name: 'Progress', type: 'string', jsonPath: '.status.progress', description: 'How much has arrived.' },
    {
      name: 'Size',
      type: 'integer',
      jsonPath: '.status.virtualSizeBytes',
      description: 'Size that a guest sees, in bytes.',
    },
    {
      name: 'Domain',
      type: 'string',
      jsonPath: '.spec.storageDomain.name',
      description: 'Where it is kept.',
      priority: 1,
    },
    {
      name: 'Host',
      type: 'string',
      jsonPath: '.status.hostName',
      description: 'The host that imports it.',
      priority: 1,
    },
    {
      name: 'Digest',
      type: 'string',
      jsonPath: '.status.digest',
      description: 'Checksum of the source.',
      priority: 1,
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
  ],
  selectableFields: ['.status.hostName'],
  conditions: [
    { type: ImageReady, description: 'Whether disks can be made from the image.', reasons: ImageReason },
  ],
})
