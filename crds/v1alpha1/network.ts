import { z } from 'zod'
import { defineKind } from '../meta/define-kind.ts'
import { conditions, listMap, observedGeneration } from '../meta/fields.ts'
import type { Resource } from '../meta/object-meta.ts'

export const NetworkReady = 'Ready'

export const NetworkReason = {
  Active: 'At least one host has the network.',
  NoHosts: 'No host has brought the network up yet.',
  ActivationFailed: 'No host could bring the network up; the message says why.',
  SubnetInvalid: 'The address range cannot be used; the message says why.',
  InUse:
    'The network is to be deleted and waits for the machines that are plugged into it; the message counts them.',
} as const

const address = (description: string) =>
  z.string().max(45).meta({ description, format: 'ipv4', effect: 'restart' })

const subnet = z.object({
  cidr: z
    .string()
    .max(18)
    .regex(/^[0-9]{1,3}(\.[0-9]{1,3}){3}\/[0-9]{1,2}$/)
    .meta({ description: 'Address range, such as 10.80.0.0/24.', effect: 'restart' }),
  gateway: address('Address of the gateway. Left out, the first of the range.').optional(),
  dhcp: z
    .object({
      start: address('First address handed out.').optional(),
      end: address('Last address handed out.').optional(),
    })
    .optional()
    .describe('Addresses for machines. Left out, all of the range but the gateway.'),
  dns: z
    .array(address('A name server.'))
    .max(8)
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .optional()
    .describe('Name servers that machines are told of. Left out, the host answers for its own.'),
})

export const networkSpec = z
  .object({
    type: z.enum(['nat', 'bridge']).meta({
      description:
        '`nat` is a network of each host, with DHCP, that reaches the outside through the host; `bridge` plugs machines into a bridge that the host has.',
      effect: 'immutable',
    }),
    bridge: z
      .object({
        name: z
          .string()
          .min(1)
          .max(15)
          .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)
          .meta({ description: "The bridge's interface name on each host.", effect: 'restart' }),
      })
      .optional()
      .describe('Settings of a `bridge` network.'),
    subnets: z
      .array(subnet)
      .max(4)
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cidr'] })
      .optional()
      .describe('Address ranges. A `nat` network needs exactly one.'),
    mtu: z
      .int32()
      .min(68)
      .max(65535)
      .optional()
      .meta({ description: 'Largest packet, in bytes.', effect: 'restart' }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'self.type == oldSelf.type',
        message: 'the type of a network cannot change',
        fieldPath: '.type',
      },
      {
        rule: "self.type != 'bridge' || has(self.bridge)",
        message: 'a bridge network needs bridge.name',
        fieldPath: '.bridge',
      },
      {
        rule: "self.type != 'nat' || (has(self.subnets) && size(self.subnets) == 1)",
        message: 'a nat network needs exactly one subnet',
        fieldPath: '.subnets',
      },
    ],
  })

const networkHost = z.object({
  name: z.string().max(253).describe('The host.'),
  ready: z.boolean().describe('Whether the host has the network.'),
  bridge: z.string().max(15).optional().describe('The interface that machines are plugged into.'),
  message: z.string().max(1024).optional().describe('Why not.'),
})

export const networkStatus = z.object({
  observedGeneration,
  hosts: listMap(networkHost, 'name', 4096).optional().describe('The network as each host has it.'),
  conditions,
})

export type Network = Resource<z.infer<typeof networkSpec>, z.infer<typeof networkStatus>>

export const networkKind = defineKind({
  kind: 'Network',
  plural: 'networks',
  shortNames: ['net'],
  scope: 'Cluster',
  description: 'A network that machines can be plugged into.',
  spec: networkSpec,
  status: networkStatus,
  printerColumns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Kind of network.' },
    { name: 'Subnet', type: 'string', jsonPath: '.spec.subnets[0].cidr', description: 'Address range.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it can be used.',
    },
    {
      name: 'Age',
      type: 'date',
      jsonPath: '.metadata.creationTimestamp',
      description: 'Time since creation.',
    },
  ],
  selectableFields: ['.spec.type'],
  conditions: [
    { type: NetworkReady, description: 'Whether the network can be used.', reasons: NetworkReason },
  ],
})
