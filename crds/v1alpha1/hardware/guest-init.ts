import { z } from 'zod'
import { listMap, objectName } from '../../meta/fields.ts'

const maxInlineLength = 65_536

const secretKey = (description: string, key: string) =>
  z
    .object({
      name: objectName('Name of the Secret.'),
      key: z.string().min(1).max(253).default(key).describe('Key in its data.'),
    })
    .optional()
    .meta({ description, effect: 'restart' })

const inline = (description: string) =>
  z.string().max(maxInlineLength).optional().meta({ description, effect: 'restart' })

const cloudInit = z
  .object({
    userData: inline('User data, such as a `#cloud-config` document.'),
    userDataSecret: secretKey('Secret that holds the user data.', 'userData'),
    networkConfig: inline('Network configuration, version 2. Left out, it is made from the interfaces.'),
    hostname: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      .optional()
      .meta({ description: "Host name of the guest. Left out, the machine's name.", effect: 'restart' }),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '!has(self.userData) || !has(self.userDataSecret)',
        message: 'at most one of userData and userDataSecret may be set',
      },
    ],
  })

const ignition = z
  .object({
    config: inline('The Ignition configuration, JSON.'),
    configSecret: secretKey('Secret that holds the configuration.', 'config.ign'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'has(self.config) != has(self.configSecret)',
        message: 'exactly one of config and configSecret must be set',
      },
    ],
  })

const sysprep = z
  .object({
    unattend: inline('The answer file `autounattend.xml`.'),
    unattendSecret: secretKey('Secret that holds the answer file.', 'autounattend.xml'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'has(self.unattend) != has(self.unattendSecret)',
        message: 'exactly one of unattend and unattendSecret must be set',
      },
    ],
  })

/** What the guest is told at its first boot: at most one of the three ways. */
export const guestInit = z
  .object({
    cloudInit: cloudInit.optional().describe('By cloud-init, from a NoCloud volume.'),
    ignition: ignition.optional().describe('By Ignition.'),
    sysprep: sysprep.optional().describe("By Windows' Setup, from a volume with the answer file."),
  })
  .meta({
    description: 'What the guest is told at its first boot.',
    'x-kubernetes-validations': [
      {
        rule: '(has(self.cloudInit) ? 1 : 0) + (has(self.ignition) ? 1 : 0) + (has(self.sysprep) ? 1 : 0) <= 1',
        message: 'at most one of cloudInit, ignition and sysprep may be set',
      },
    ],
  })

const sshKeys = z.object({
  user: z
    .string()
    .max(64)
    .regex(/^[a-z_][a-z0-9_-]*$/)
    .describe('User inside the guest.'),
  keys: z
    .array(
      z
        .string()
        .max(8192)
        .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [ -~]*)?$/),
    )
    .max(64)
    .meta({
      'x-kubernetes-list-type': 'atomic',
      description: 'Public keys that may log in: exactly these.',
      effect: 'live',
    }),
})

/** What is kept as declared inside a running guest, through its agent. */
export const guestAgent = z.object({
  sshKeys: listMap(sshKeys, 'user', 16).optional().meta({ description: 'Keys of users inside the guest.' }),
  time: z.enum(['Keep', 'SetAfterPause']).default('SetAfterPause').meta({
    description: "Whether the guest's clock is set after the machine was paused, suspended or moved.",
    effect: 'live',
  }),
})

export type GuestInit = z.infer<typeof guestInit>
export type GuestAgentSpec = z.infer<typeof guestAgent>
