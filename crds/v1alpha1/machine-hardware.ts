import { z } from 'zod'
import { devices, libvirtFragment } from './hardware/devices.ts'
import { firmware, tpm } from './hardware/firmware.ts'
import { memory } from './hardware/memory.ts'
import { cpu } from './hardware/processor.ts'

export const gracePeriod = z.int32().min(0).max(86400).default(60).meta({
  description: 'Seconds that the guest has to shut down before it is powered off.',
  effect: 'live',
})

export const startup = z
  .object({
    order: z.int32().min(0).max(1000).default(500).meta({
      description: 'Machines of a lower number start first when a host has restarted.',
      effect: 'live',
    }),
    delaySeconds: z.int32().min(0).max(3600).default(0).meta({
      description: 'How long the machines after it wait once it has started.',
      effect: 'live',
    }),
  })
  .prefault({})
  .describe('When the machine starts after its host has restarted.')

/**
 * What `VirtualMachine` and `VirtualMachineInstance` say in the same words: a run takes these fields over as they are.
 * Disks and interfaces differ, because a machine may leave out what its runs must know.
 */
export const machineHardware = {
  cpu: cpu.prefault({}),
  memory: memory.describe('Memory.'),
  firmware: firmware.prefault({}).describe('Firmware.'),
  tpm: tpm.optional().describe('A TPM 2.0, whose state the machine keeps for life. Left out, none.'),
  devices: devices.prefault({}).describe('Devices beside disks and network cards.'),
  libvirtFragments: z
    .array(libvirtFragment)
    .max(8)
    .meta({ 'x-kubernetes-list-type': 'atomic', description: 'Raw XML for what has no field.' })
    .optional(),
  drift: z.enum(['Revert', 'Report', 'Ignore']).default('Revert').meta({
    description: 'What is done when somebody changes the running machine behind Kvorum.',
    effect: 'live',
  }),
  terminationGracePeriodSeconds: gracePeriod,
}

export const machineHardwareSpec = z.object(machineHardware)
export type MachineHardware = z.infer<typeof machineHardwareSpec>

/** The fields of a machine's spec that its runs take over as they are. */
export function hardwareOf(spec: MachineHardware): MachineHardware {
  const entries = Object.keys(machineHardware).map((name) => [name, spec[name as keyof MachineHardware]])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as MachineHardware
}
