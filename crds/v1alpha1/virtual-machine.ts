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
import { diskTemplate, diskTemplateRules } from './disk.ts'
import { diskDevice, diskDeviceRules } from './hardware/disk-device.ts'
import { macAddress, machineInterface } from './hardware/network-card.ts'
import { VmiDriftedReason } from './virtual-machine-instance.ts'
import { machineHardware, startup } from './machine-hardware.ts'

export const VmReady = 'Ready'
export const VmDisksReady = 'DisksReady'
export const VmNetworksReady = 'NetworksReady'
export const VmScheduled = 'Scheduled'
export const VmRestartRequired = 'RestartRequired'
export const VmDrifted = 'Drifted'

export const VmReadyReason = {
  Running: 'The machine runs and is as ready as `spec.readiness` asks.',
  Stopped: 'The machine is stopped, as its spec says or as its guest decided.',
  WaitingForDisks: 'A disk of the machine does not exist or cannot be made; DisksReady has the details.',
  WaitingForNetworks: 'A network of the machine does not exist; NetworksReady has the details.',
  WaitingForHost: 'No host has been chosen yet; Scheduled has the details.',
  FragmentsForbidden: 'The machine has raw libvirt XML, which its cluster does not allow.',
  Starting: 'The machine has been placed and is being started.',
  WaitingForGuestAgent: 'The machine runs; its guest agent has not reported an address yet.',
  Stopping: 'The guest is being shut down.',
  Paused: 'The machine stands still, as its spec says or as somebody made it; its memory stays.',
  PausedByError: 'The machine stands still because a disk failed; it goes on when the disk does.',
  PausedByWatchdog: 'The machine stands still because its watchdog was not fed.',
  Suspending: 'The memory of the machine is being saved.',
  SuspendFailed: 'The memory of the machine could not be saved; it goes on, and it is tried again.',
  Suspended: 'The memory of the machine is saved; power Running brings it back.',
  Resuming: 'The machine is being brought back with its saved memory.',
  ResumeFailed: 'The machine could not be brought back with its saved memory; it is tried again.',
  BackOff: 'The machine ended again and again; the next start waits.',
  StartFailed: 'The host could not start the machine; it is tried again.',
  GuestShutdown: 'The guest shut itself down and the restart policy leaves it so.',
  Crashed: 'The machine ended by itself and the restart policy leaves it so.',
  HostUnreachable: 'The host has not been heard from; whether the machine runs there is unknown.',
  Protected: 'The machine is being deleted and is protected: it goes once deletionProtection is false.',
  InstanceNotOwned: 'A VirtualMachineInstance of the same name belongs to something else.',
} as const

export const VmDisksReason = {
  DisksFound: 'Every disk exists.',
  DiskNotFound: 'A disk that the machine names does not exist.',
  ImageNotFound: 'The image of a disk does not exist.',
  ImageNotReady: 'The image of a disk is not imported yet.',
  ImageFailed: 'The image of a disk could not be imported.',
  DiskTooSmall: 'A disk is smaller than the image that it is to be made from.',
  StorageDomainNotFound: 'The storage domain of a disk does not exist.',
  DiskPending: 'A disk was made and nobody has looked at it yet.',
  DiskFailed: 'A disk could not be made on its host; the message says why.',
  DiskDeleting: 'A disk of the machine is being deleted.',
  DiskNotOwned: 'A Disk that has the name of an inline disk belongs to something else.',
  DiskInUse: 'A run of another machine uses a disk of this one.',
  DiskRefused: 'The API server refuses an inline disk; the message says why.',
} as const

export const VmNetworksReason = {
  NetworksFound: 'Every network exists and every interface has its addresses.',
  NetworkNotFound: 'A network that the machine names does not exist.',
  AddressesExhausted: 'A network has no free address left.',
  AddressConflict: 'An address that the machine names is in use by another machine.',
  AddressNotInSubnet: 'An address that the machine names cannot be handed out by the network.',
  SubnetInvalid: 'The address range of a network cannot be used.',
} as const

export const VmScheduledReason = {
  HostAssigned: 'A host was chosen; the message names it.',
  NotRequested: 'The machine is not meant to run.',
  NoHostFits: 'Every host was looked at and none fits; the message counts why.',
  HostClusterNotFound: 'The cluster that the machine names does not exist.',
  FragmentsForbidden: 'The machine has raw libvirt XML, which its cluster does not allow.',
  WaitingForDependencies: 'Disks or networks come first.',
  WaitingForScheduler: 'The run has not been looked at by the scheduler yet.',
  BackOff: 'The machine ended again and again; the next start waits.',
} as const

export const VmRestartRequiredReason = {
  UpToDate: 'The machine runs as its spec says.',
  SpecChanged: 'Fields were changed that take effect at the next start; the message names them.',
} as const

/** Reasons of Events about a machine that are not condition reasons. */
export const VmEventReason = {
  Created: 'The next run of the machine was made.',
  Started: 'The machine runs.',
  Stopped: 'A run of the machine ended because it was asked to.',
  Restarting: 'A run of the machine ended by itself and the next one follows.',
  RestartRequested: 'The restart token has changed: the run is ended and the next one follows.',
} as const

const vmDisk = z
  .object({
    name: itemName('Unique within the machine.'),
    ...diskDevice,
    disk: reference('A Disk that exists on its own.').optional().meta({ effect: 'restart' }),
    template: diskTemplate.optional().meta({
      description: 'A Disk that is made for this machine, named like machine and disk, and goes with it.',
      'x-kubernetes-validations': diskTemplateRules,
    }),
    image: reference('The Image that is the medium of a CD-ROM drive.')
      .optional()
      .meta({ effect: 'restart' }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: "[has(self.disk), has(self.template), has(self.image)].filter(one, one).size() == 1 || (self.type == 'CdRom' && !has(self.disk) && !has(self.template) && !has(self.image))",
        message: 'exactly one of disk, template and image must be set; a CdRom may be empty',
      },
      {
        rule: "!has(self.image) || self.type == 'CdRom'",
        message: 'only a CdRom shows an image itself: use template for a disk made from one',
        fieldPath: '.image',
      },
      ...diskDeviceRules,
    ],
  })

const vmInterface = machineInterface.extend({
  macAddress: macAddress.optional().meta({
    description: 'MAC address. Left out, one is given and kept for life.',
    effect: 'restart',
  }),
  ipAddress: z.string().max(45).optional().meta({
    format: 'ipv4',
    description: 'Address that DHCP hands out. Left out, one is given and kept for life.',
    effect: 'restart',
  }),
})

export const virtualMachineSpec = z.object({
  power: z.enum(['Running', 'Stopped', 'Paused', 'Suspended']).default('Running').meta({
    description:
      'What the machine should be doing. Paused keeps its memory on the host, Suspended in a file beside its first disk. Stopped shuts the guest down; what was suspended loses its memory.',
    effect: 'live',
  }),
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).default('OnFailure').meta({
    description:
      'What follows when a run ends by itself. OnFailure restarts after a crash and respects a shutdown from inside the guest.',
    effect: 'live',
  }),
  restartToken: z.string().max(253).optional().meta({
    description:
      'Any text. When it changes, the machine is restarted once: shut down within its grace period, and started. Taking it away restarts nothing.',
    effect: 'live',
  }),
  deletionProtection: z.boolean().default(false).meta({
    description:
      'Refuses to delete the machine while it is true. Deleted with its namespace all the same, it runs on and holds the namespace until this is false.',
    effect: 'live',
  }),
  startup,
  readiness: z.enum(['Running', 'GuestAgent']).default('Running').meta({
    description:
      'When the machine counts as ready: as soon as it runs, or when its guest agent reports an address.',
    effect: 'live',
  }),
  hostCluster: reference('The cluster that the machine runs in.')
    .prefault({ name: 'default' })
    .meta({ effect: 'restart' }),
  hostSelector: z
    .record(z.string().max(317), z.string().max(63))
    .optional()
    .meta({ description: 'Labels that a host must have.', effect: 'restart' }),
  ...machineHardware,
  disks: listMap(vmDisk, 'name', 32).default([]).describe('Disks.'),
  interfaces: listMap(vmInterface, 'name', 16).default([]).describe('Network interfaces.'),
})

const vmStatusInterface = z.object({
  name: z.string().max(63).describe('The interface.'),
  macAddress: z.string().max(17).describe("The machine's for life."),
  ipAddress: z.string().max(45).optional().describe("What DHCP hands out: the machine's for life."),
  reportedAddresses: z
    .array(z.string().max(45))
    .max(64)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional()
    .describe('What the guest agent reports.'),
})

export const virtualMachineStatus = z.object({
  observedGeneration,
  phase: z
    .enum([
      'Pending',
      'Scheduling',
      'Starting',
      'Running',
      'Paused',
      'Suspending',
      'Suspended',
      'Resuming',
      'Stopping',
      'Stopped',
      'Failed',
      'BackOff',
    ])
    .optional()
    .describe('What the machine is doing, in one word.'),
  hostName: z.string().max(253).optional().describe('The host that it runs on.'),
  uuid: z.string().max(36).optional().describe("UUID that the guest sees: the machine's for life."),
  ipAddress: z
    .string()
    .max(45)
    .optional()
    .describe('The first address: as reported by the guest agent, else as handed out.'),
  interfaces: listMap(vmStatusInterface, 'name', 16).optional().describe('Identity of the interfaces.'),
  guest: z
    .object({
      hostname: z.string().max(253).optional().describe('Host name inside.'),
      operatingSystem: z.string().max(256).optional().describe('Operating system inside.'),
      agentVersion: z.string().max(64).optional().describe('Version of the guest agent.'),
    })
    .optional()
    .describe('What the guest agent tells.'),
  startedAt: dateTime('When the run started.').optional(),
  restarts: count('Restarts in a row since the machine last stayed up, for the back-off.').optional(),
  nextStartAt: dateTime('When the next start is due, during back-off.').optional(),
  lastRun: z
    .object({
      uid: z.string().max(36).describe('The run that ended.'),
      reason: z.string().max(64).describe('How it ended.'),
      message: z.string().max(1024).optional().describe('In a sentence.'),
      finishedAt: dateTime('When it ended.').optional(),
    })
    .optional()
    .describe('How the last run ended.'),
  conditions,
})

export type VirtualMachineSpec = z.infer<typeof virtualMachineSpec>
export type VirtualMachineStatus = z.infer<typeof virtualMachineStatus>
export type VirtualMachine = Resource<VirtualMachineSpec, VirtualMachineStatus>

export const virtualMachineKind = defineKind({
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  shortNames: ['vm', 'vms'],
  scope: 'Namespaced',
  description: 'A machine that a user wants. It keeps its UUID, MAC and IP addresses over all its runs.',
  spec: virtualMachineSpec,
  status: virtualMachineStatus,
  printerColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'What it is doing.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it is ready.',
    },
    { name: 'Host', type: 'string', jsonPath: '.status.hostName', description: 'The host that it runs on.' },
    { name: 'IP', type: 'string', jsonPath: '.status.ipAddress', description: 'Its first address.' },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
    {
      name: 'Power',
      type: 'string',
      jsonPath: '.spec.power',
      description: 'What it should be doing.',
      priority: 1,
    },
    {
      name: 'Memory',
      type: 'string',
      jsonPath: '.spec.memory.size',
      description: 'Guest memory.',
      priority: 1,
    },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
      description: 'Why it is ready or not.',
      priority: 1,
    },
    {
      name: 'Guest',
      type: 'string',
      jsonPath: '.status.guest.operatingSystem',
      description: 'Operating system inside.',
      priority: 1,
    },
  ],
  selectableFields: ['.status.hostName', '.status.phase', '.spec.power'],
  conditions: [
    {
      type: VmReady,
      description: 'Whether the machine is ready, as `spec.readiness` asks.',
      reasons: VmReadyReason,
    },
    {
      type: VmDisksReady,
      description: 'Whether everything that the disks need is there.',
      reasons: VmDisksReason,
    },
    { type: VmNetworksReady, description: 'Whether the networks are there.', reasons: VmNetworksReason },
    { type: VmScheduled, description: 'Whether a host was chosen.', reasons: VmScheduledReason },
    {
      type: VmRestartRequired,
      description: 'Whether changes wait for a restart.',
      reasons: VmRestartRequiredReason,
    },
    {
      type: VmDrifted,
      description: 'Whether somebody changed the running machine behind Kvorum and the change still stands.',
      reasons: VmiDriftedReason,
    },
  ],
})
