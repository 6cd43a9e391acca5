import { z } from 'zod'
import { itemName, reference } from '../../meta/fields.ts'

const rate = (description: string) =>
  z.int32().min(1).max(100_000_000).optional().meta({ description, effect: 'restart' })

const bandwidth = z.object({
  averageKiB: rate('KiB per second on average.'),
  peakKiB: rate('KiB per second at most, in a burst.'),
  burstKiB: rate('KiB that may pass at peak speed.'),
})

export const macAddress = z
  .string()
  .max(17)
  .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/)
  .describe('Unicast MAC address in lower case, such as 52:54:00:12:34:56.')

export const machineInterface = z.object({
  name: itemName('Unique within the machine.'),
  network: reference('The Network that it is plugged into.').meta({ effect: 'restart' }),
  model: z
    .enum(['virtio', 'e1000e', 'e1000', 'rtl8139'])
    .default('virtio')
    .meta({ description: 'Network card that the guest sees.', effect: 'restart' }),
  linkState: z.enum(['Up', 'Down']).default('Up').meta({
    description: 'Whether the cable is plugged in.',
    effect: 'restart',
  }),
  queues: z.int32().min(1).max(64).optional().meta({
    description: 'Pairs of queues of a virtio card. Left out, one.',
    effect: 'restart',
  }),
  bootOrder: z
    .int32()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Place in the boot order, from 1. Left out, not booted from.', effect: 'restart' }),
  inbound: bandwidth.optional().meta({ description: 'Limits of what the guest receives.' }),
  outbound: bandwidth.optional().meta({ description: 'Limits of what the guest sends.' }),
})

export type Bandwidth = z.infer<typeof bandwidth>
