import { z } from 'zod'
import { count } from '../../meta/fields.ts'

const limit = (description: string) => count(description).optional().meta({ effect: 'restart' })

const diskLimits = z.object({
  totalIops: limit('Requests per second, reading and writing together.'),
  readIops: limit('Reading requests per second.'),
  writeIops: limit('Writing requests per second.'),
  totalBytesPerSecond: limit('Bytes per second, reading and writing together.'),
  readBytesPerSecond: limit('Bytes read per second.'),
  writeBytesPerSecond: limit('Bytes written per second.'),
})

/** How a machine uses one of its disks, beside which disk it is. */
export const diskDevice = {
  bus: z
    .enum(['virtio', 'scsi', 'sata'])
    .default('virtio')
    .meta({ description: 'How the guest sees the disk.', effect: 'restart' }),
  type: z.enum(['Disk', 'CdRom']).default('Disk').meta({
    description: 'A disk, or a CD-ROM drive whose medium may change while the machine runs.',
    effect: 'restart',
  }),
  bootOrder: z
    .int32()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Place in the boot order, from 1. Left out, not booted from.', effect: 'restart' }),
  cache: z.enum(['auto', 'none', 'writeback', 'writethrough', 'directsync', 'unsafe']).default('auto').meta({
    description: "How the host caches. `auto` goes past the host's page cache where it can.",
    effect: 'restart',
  }),
  discard: z.enum(['unmap', 'ignore']).default('unmap').meta({
    description: 'Whether what the guest discards is given back to the storage.',
    effect: 'restart',
  }),
  readOnly: z
    .boolean()
    .default(false)
    .meta({ description: 'The guest cannot write to it.', effect: 'restart' }),
  serial: z
    .string()
    .max(20)
    .regex(/^[A-Za-z0-9_.+-]+$/)
    .optional()
    .meta({
      description: "Serial number that the guest sees. Left out, the disk's name.",
      effect: 'restart',
    }),
  onError: z.enum(['Stop', 'Report', 'Ignore']).default('Stop').meta({
    description: 'What happens when the storage fails: the machine pauses, or the guest is told.',
    effect: 'restart',
  }),
  limits: diskLimits.optional().meta({ description: 'What the machine may ask of this disk.' }),
}

/** Rules of a disk that hold for machines and runs alike. */
export const diskDeviceRules = [
  {
    rule: "!has(self.type) || self.type != 'CdRom' || self.bus != 'virtio'",
    message: 'a CdRom needs bus sata or scsi',
    fieldPath: '.bus',
  },
]

export type DiskLimits = z.infer<typeof diskLimits>
