import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import {
  conditions,
  count,
  dateTime,
  itemName,
  listMap,
  observedGeneration,
  reference,
} from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'
import { diskDevice } from './hardware/disk-device.ts'
import { macAddress, machineInterface } from './hardware/network-card.ts'
import { machineHardware, startup } from './machine-hardware.ts'

/** The daemon's: held until no domain of the run is left on its host. */
export const vmiFinalizer = 'kvorum.dev/domain'

export const VmiScheduled = 'Scheduled'
export const VmiReady = 'Ready'
export const VmiGuestAgent = 'GuestAgentConnected'
export const VmiDrifted = 'Drifted'

export const VmiScheduledReason = {
  HostAssigned: 'A host was chosen; the message names it.',
  NoHostFits: 'Every host was looked at and none fits; the message counts why.',
  HostClusterNotFound: 'The cluster that the machine names does not exist.',
  FragmentsForbidden: 'The machine has raw libvirt XML, which its cluster does not allow.',
} as const

export const VmiReadyReason = {
  Running: 'The machine runs.',
  WaitingForHost: 'No host has been chosen yet.',
  WaitingForDisks: 'A disk is not ready on the host; the message names it.',
  WaitingForNetworks: 'A network is not up on the host; the message names it.',
  Starting: 'The domain is being started.',
  StartFailed: 'libvirt could not start the domain; it is tried again.',
  Stopping: 'The guest was asked to shut down.',
  Paused: 'The machine stands still, as its spec says or as somebody made it; its memory stays.',
  PausedByError: 'The machine stands still because a disk failed; it goes on when the disk does.',
  PausedByWatchdog: 'The machine stands still because its watchdog was not fed.',
  Suspending: 'The memory of the machine is being saved.',
  SuspendFailed: 'The memory of the machine could not be saved; it goes on, and it is tried again.',
  Suspended: 'The memory of the machine is saved.',
  Resuming: 'The machine is being brought back with its saved memory.',
  ResumeFailed: 'The machine could not be brought back with its saved memory; it is tried again.',
  Ended: 'The run is over; status.reason says how.',
} as const

export const VmiGuestAgentReason = {
  Connected: 'The agent answers.',
  NotConnected: 'No agent has connected.',
} as const

export const VmiDriftedReason = {
  AsDeclared: 'The machine is on its host as it was declared.',
  PowerChanged: 'Somebody paused or resumed the machine behind Kvorum.',
  DefinitionChanged: 'Somebody edited the definition of the machine on its host.',
  DefinitionRemoved: 'Somebody removed the definition of the machine from its host.',
} as const

/** Reasons of Events about a run that are not condition reasons. */
export const VmiEventReason = {
  DriftReverted: 'What somebody changed behind Kvorum was put back.',
  Resumed: 'The machine goes on with its saved memory.',
  Rebooted: 'The guest rebooted, within the run.',
} as const

/**
 * How a run ended. `GuestShutdown` and `Requested` are successes; the rest are failures that `OnFailure` restarts.
 */
export const RunEndReason = {
  Requested: 'Kvorum shut the guest down or powered it off, as it was asked to.',
  GuestShutdown: 'The guest shut itself down.',
  Panicked: "The guest's kernel panicked.",
  Watchdog: 'The guest stopped feeding its watchdog, which powered it off.',
  Crashed: 'The guest crashed or its QEMU process died.',
  Destroyed: 'Somebody powered the domain off behind Kvorum.',
  Failed: 'libvirt reported a failure.',
  HostRestarted: 'The host restarted under the machine.',
  MemoryLost: 'The saved memory of the suspended machine is gone or of no use.',
  Unknown: 'The domain was gone and nothing tells how.',
} as const
export type RunEnd = keyof typeof RunEndReason

const vmiDisk = z.object({
  name: itemName('As in the machine.'),
  ...diskDevice,
  disk: reference('The Disk. A CD-ROM drive may have none.').optional(),
  image: reference('The Image in a CD-ROM drive.').optional().meta({ effect: 'restart' }),
})

const vmiInterface = machineInterface.extend({
  macAddress,
  ipAddress: z.string().max(45).optional().meta({ format: 'ipv4', description: 'What DHCP hands out.' }),
})

export const virtualMachineInstanceSpec = z
  .object({
    virtualMachine: z
      .object({
        name: z.string().max(253).describe('Its name.'),
        uid: z.string().max(36).describe('Its uid.'),
      })
      .describe('The machine that this is a run of.'),
    machineGeneration: z
      .int()
      .min(0)
      .meta({ format: 'int64', description: "The machine's generation that this run was made from." }),
    hostName: z
      .string()
      .max(253)
      .optional()
      .describe('The host that executes the run. Set once, by the scheduler.'),
    hostCluster: reference('The cluster to choose a host from.'),
    hostSelector: z
      .record(z.string().max(317), z.string().max(63))
      .optional()
      .describe('Labels that the host must have.'),
    uuid: z
      .string()
      .max(36)
      .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      .describe('UUID that the guest sees.'),
    power: z.enum(['Running', 'Paused', 'Suspended']).default('Running').meta({
      description: 'What the run should be doing, as its machine says. A run is ended by deleting it.',
      effect: 'live',
    }),
    restartToken: z
      .string()
      .max(253)
      .optional()
      .describe('The `restartToken` of its machine that this run was made with.'),
    startup: startup.meta({ description: 'When it starts after its host has restarted.', effect: 'live' }),
    ...machineHardware,
    disks: listMap(vmiDisk, 'name', 32).default([]).describe('Disks.'),
    interfaces: listMap(vmiInterface, 'name', 16).default([]).describe('Network interfaces.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!has(oldSelf.hostName) || (has(self.hostName) && self.hostName == oldSelf.hostName)',
        message: 'a run never changes its host by an edit: migrate it',
        fieldPath: '.hostName',
      },
      { rule: 'self.uuid == oldSelf.uuid', message: 'the UUID of a run cannot change', fieldPath: '.uuid' },
    ],
  })

const vmiStatusInterface = z.object({
  name: z.string().max(63).describe('As in the spec; the name inside the guest when it is not of the spec.'),
  macAddress: z.string().max(17).optional().describe('MAC address.'),
  guestName: z.string().max(64).optional().describe('Name of the interface inside the guest.'),
  hostInterface: z.string().max(15).optional().describe('Interface on the host.'),
  ipAddresses: z
    .array(z.string().max(45))
    .max(64)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional()
    .describe('What the guest agent reports.'),
})

export const virtualMachineInstanceStatus = z.object({
  observedGeneration,
  phase: z
    .enum([
      'Pending',
      'Scheduled',
      'Starting',
      'Running',
      'Paused',
      'Suspending',
      'Suspended',
      'Resuming',
      'Stopping',
      'Succeeded',
      'Failed',
    ])
    .optional()
    .describe('Where the run stands. Succeeded and Failed are final.'),
  power: z
    .enum(['Running', 'Paused'])
    .optional()
    .describe('What its host last made of it; anything else that is seen was done by somebody else.'),
  savedMemory: z
    .object({
      path: z.string().max(4096).describe('The file on the host, beside the first disk.'),
      bytes: z.int().min(0).meta({ format: 'int64', description: 'Its size.' }).optional(),
      savedAt: dateTime('When it was complete.').optional(),
    })
    .optional()
    .describe('Where the memory of a suspended run is. Gone as soon as the run goes on.'),
  reboots: count('How often the guest has rebooted within the run.').optional(),
  reason: z.string().max(64).optional().describe('How the run ended, in one word.'),
  message: z.string().max(1024).optional().describe('How the run ended, in a sentence.'),
  startedAt: dateTime('When the domain started.').optional(),
  finishedAt: dateTime('When the run ended.').optional(),
  interfaces: listMap(vmiStatusInterface, 'name', 64)
    .optional()
    .describe('Interfaces as seen from host and guest.'),
  guest: z
    .object({
      hostname: z.string().max(253).optional().describe('Host name inside.'),
      operatingSystem: z.string().max(256).optional().describe('Operating system inside.'),
      agentVersion: z.string().max(64).optional().describe('Version of the guest agent.'),
    })
    .optional()
    .describe('What the guest agent tells.'),
  conditions,
})

export type VirtualMachineInstanceSpec = z.infer<typeof virtualMachineInstanceSpec>
export type VirtualMachineInstanceStatus = z.infer<typeof virtualMachineInstanceStatus>
export type VirtualMachineInstance = Resource<VirtualMachineInstanceSpec, VirtualMachineInstanceStatus>

export const virtualMachineInstanceKind = defineKind({
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  shortNames: ['vmi', 'vmis'],
  scope: 'Namespaced',
  description:
    'One run of a VirtualMachine on one host. Made, placed and ended by controllers; deleting it ends the run.',
  spec: virtualMachineInstanceSpec,
  status: virtualMachineInstanceStatus,
  printerColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the run stands.' },
    { name: 'Host', type: 'string', jsonPath: '.spec.hostName', description: 'The host that executes it.' },
    {
      name: 'IP',
      type: 'string',
      jsonPath: '.status.interfaces[0].ipAddresses[0]',
      description: 'First address that the guest agent reports.',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is ready or not.',
      priority: 1,
    },
  ],
  selectableFields: ['.spec.hostName', '.status.phase'],
  conditions: [
    { type: VmiScheduled, description: 'Whether a host was chosen.', reasons: VmiScheduledReason },
    { type: VmiReady, description: 'Whether the machine runs.', reasons: VmiReadyReason },
    { type: VmiGuestAgent, description: 'Whether the guest agent answers.', reasons: VmiGuestAgentReason },
    {
      type: VmiDrifted,
      description: 'Whether somebody changed the machine behind Kvorum and the change still stands.',
      reasons: VmiDriftedReason,
    },
  ],
})
