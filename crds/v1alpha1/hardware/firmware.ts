import { z } from 'zod'

const text = (description: string) =>
  z
    .string()
    .max(128)
    .regex(/^[ -~]*$/)
    .optional()
    .meta({ description, effect: 'restart' })

const smbios = z.object({
  manufacturer: text('Manufacturer of the system.'),
  product: text('Product name of the system.'),
  version: text('Version of the system.'),
  serial: text('Serial number of the system.'),
  sku: text('Stock keeping unit of the system.'),
  family: text('Family of the system.'),
  assetTag: text('Asset tag of the chassis.'),
})

export const firmware = z
  .object({
    type: z
      .enum(['bios', 'uefi'])
      .default('bios')
      .meta({ description: 'How the machine boots.', effect: 'restart' }),
    secureBoot: z.boolean().default(false).meta({
      description: 'Boot only what is signed by the keys that are enrolled in the firmware. Needs uefi.',
      effect: 'restart',
    }),
    bootMenuSeconds: z.int32().min(0).max(60).default(0).meta({
      description: 'How long the boot menu waits for a key; 0 shows none.',
      effect: 'restart',
    }),
    smbios: smbios.optional().meta({ description: 'What the firmware tells the guest of the system.' }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "!has(self.secureBoot) || !self.secureBoot || self.type == 'uefi'",
        message: 'secureBoot needs type uefi',
        fieldPath: '.secureBoot',
      },
    ],
  })

export const tpm = z.object({
  model: z
    .enum(['tpm-crb', 'tpm-tis'])
    .default('tpm-crb')
    .meta({ description: 'How the guest sees the TPM 2.0.', effect: 'restart' }),
})

export type Firmware = z.infer<typeof firmware>
export type Tpm = z.infer<typeof tpm>
