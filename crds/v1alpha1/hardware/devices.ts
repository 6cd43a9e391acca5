import { z } from 'zod'

const watchdog = z.object({
  model: z.enum(['i6300esb', 'itco']).default('i6300esb').meta({
    description: 'Watchdog that the guest sees.',
    effect: 'restart',
  }),
  action: z.enum(['Reset', 'PowerOff', 'Pause', 'None']).default('Reset').meta({
    description: 'What happens when the guest stops feeding it.',
    effect: 'restart',
  }),
})

/** Devices beside disks and network cards. */
export const devices = z.object({
  video: z
    .enum(['vga', 'virtio', 'bochs', 'qxl', 'none'])
    .default('vga')
    .meta({ description: 'Graphics card; with none there is no VNC console.', effect: 'restart' }),
  input: z.enum(['Tablet', 'None']).default('Tablet').meta({
    description: 'A USB tablet, so that the pointer of a VNC viewer is where the guest has it.',
    effect: 'restart',
  }),
  sound: z
    .enum(['ich9', 'ac97', 'none'])
    .default('none')
    .meta({ description: 'Sound card.', effect: 'restart' }),
  rng: z
    .enum(['Virtio', 'None'])
    .default('Virtio')
    .meta({ description: "Random numbers from the host's.", effect: 'restart' }),
  balloon: z
    .enum(['Virtio', 'None'])
    .default('Virtio')
    .meta({ description: 'Lets the memory change while the machine runs.', effect: 'restart' }),
  watchdog: watchdog.optional().meta({ description: 'A watchdog. Left out, none.' }),
})

/** Raw XML for what Kvorum has no field for; only where the cluster's policy allows it. */
export const libvirtFragment = z.string().min(1).max(16_384).meta({
  description: "One device element of libvirt's domain XML, added as it is. The cluster must allow it.",
  effect: 'restart',
})

export type Devices = z.infer<typeof devices>
