import { z } from 'zod'

/** The flags of encryption at rest, under kube-apiserver's names. */
export const encryptionFlags = {
  'encryption-provider-config': z.string().optional(),
  'encryption-provider-config-automatic-reload': z.enum(['true', 'false']).default('true'),
}

export const encryptionHelp: Readonly<Record<keyof typeof encryptionFlags, string>> = {
  'encryption-provider-config': 'EncryptionConfiguration: what is stored encrypted, and with which keys',
  'encryption-provider-config-automatic-reload': 'read that file again when it changes: true or false',
}
