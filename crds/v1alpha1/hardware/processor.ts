import { z } from 'zod'
import { listMap, quantity } from '../../meta/fields.ts'

/** CPUs in libvirt's notation: `0-3,8`. */
function cpuSet(description: string) {
  return z
    .string()
    .max(256)
    .regex(/^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/)
    .meta({ description, effect: 'restart' })
}

const feature = z.object({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9][a-z0-9._-]*$/)
    .describe("The feature's name in libvirt, such as `avx2`."),
  policy: z.enum(['Require', 'Optional', 'Disable', 'Forbid', 'Force']).default('Require').meta({
    description: 'What is asked of the host, and what the guest sees.',
    effect: 'restart',
  }),
})

const pin = z.object({
  vcpu: z.int32().min(0).max(1023).describe('The virtual CPU, from 0.'),
  cpus: cpuSet('The CPUs of the host that it may run on.'),
})

const numaCell = z.object({
  id: z.int32().min(0).max(63).describe('The cell, from 0.'),
  cpus: cpuSet('Its virtual CPUs.'),
  memory: quantity('Its share of the memory.').meta({ effect: 'restart' }),
  hostNodes: cpuSet("The host's NUMA nodes that its memory comes from.").optional(),
})

/** `auto` is the best that every host of the cluster has. */
const model = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .default('auto')
  .meta({
    description:
      "`auto`, `host-model`, `host-passthrough`, `maximum`, or one of libvirt's models such as `Skylake-Server`.",
    effect: 'restart',
  })

export const cpu = z
  .object({
    sockets: z.int32().min(1).max(64).default(1).meta({
      description: 'CPU sockets.',
      effect: 'restart',
    }),
    cores: z.int32().min(1).max(256).default(1).meta({ description: 'Cores per socket.', effect: 'restart' }),
    threads: z.int32().min(1).max(8).default(1).meta({ description: 'Threads per core.', effect: 'restart' }),
    maxSockets: z.int32().min(1).max(64).optional().meta({
      description: 'Sockets that the machine can grow to while it runs. Left out, it cannot grow.',
      effect: 'restart',
    }),
    model,
    features: listMap(feature, 'name', 64)
      .optional()
      .meta({ description: 'Features of the CPU beyond its model.' }),
    pinning: listMap(pin, 'vcpu', 128).optional().meta({ description: 'Where virtual CPUs may run.' }),
    emulatorCpus: cpuSet("The CPUs of the host for QEMU's own threads.").optional(),
    ioThreads: z.int32().min(1).max(64).default(1).meta({
      description: 'Threads that serve virtio disks, in turn.',
      effect: 'restart',
    }),
    numaCells: listMap(numaCell, 'id', 64).optional().meta({ description: 'NUMA cells of the guest.' }),
  })
  .meta({
    description: 'Virtual CPUs: sockets × cores × threads.',
    'x-kubernetes-validations': [
      {
        rule: '!has(self.maxSockets) || !has(self.sockets) || self.maxSockets >= self.sockets',
        message: 'maxSockets must not be less than sockets',
        fieldPath: '.maxSockets',
      },
    ],
  })

export type Cpu = z.infer<typeof cpu>
