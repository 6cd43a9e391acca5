import { z } from 'zod'
import { itemName, quantity, reference } from '../meta/fields.ts'

/** The parts of a machine that `VirtualMachine` and `VirtualMachineInstance` say in the same words. */
export const cpu = z
  .object({
    sockets: z.int32().min(1).max(64).default(1).meta({ description: 'CPU sockets.', effect: 'restart' }),
    cores: z.int32().min(1).max(256).default(1).meta({ description: 'Cores per socket.', effect: 'restart' }),
    threads: z.int32().min(1).max(8).default(1).meta({ description: 'Threads per core.', effect: 'restart' }),
  })
  .meta({ description: 'Virtual CPUs: sockets × cores × threads.' })

export const memory = z.object({
  size: quantity('Memory that the guest has.').meta({ effect: 'restart' }),
})

export const firmware = z.object({
  type: z
    .enum(['bios', 'uefi'])
    .default('bios')
    .meta({ description: 'How the machine boots.', effect: 'restart' }),
})

export const diskBus = z
  .enum(['virtio', 'scsi', 'sata'])
  .default('virtio')
  .meta({ description: 'How the guest sees the disk.', effect: 'restart' })

export const bootOrder = z
  .int32()
  .min(1)
  .max(64)
  .optional()
  .meta({ description: 'Place in the boot order, from 1. Left out, not booted from.', effect: 'restart' })

export const interfaceModel = z
  .enum(['virtio', 'e1000e', 'e1000', 'rtl8139'])
  .default('virtio')
  .meta({ description: 'Network card that the guest sees.', effect: 'restart' })

export const macAddress = z
  .string()
  .max(17)
  .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/)
  .describe('Unicast MAC address in lower case, such as 52:54:00:12:34:56.')

export const machineInterface = z.object({
  name: itemName('Unique within the machine.'),
  network: reference('The Network that it is plugged into.').meta({ effect: 'restart' }),
  model: interfaceModel,
})

export const gracePeriod = z.int32().min(0).max(86400).default(60).meta({
  description: 'Seconds that the guest has to shut down before it is powered off.',
  effect: 'live',
})
