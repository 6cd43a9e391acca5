import { z } from 'zod'
import { authorizationModes } from './authorization-modes.ts'

const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, `must be a duration such as ${fallback}`)
    .default(fallback)

/** The flags of authorization, under kube-apiserver's names. */
export const authorizationFlags = {
  'authorization-mode': z
    .string()
    .default('Node,RBAC')
    .transform((text) => text.split(',').map((mode) => mode.trim()))
    .pipe(z.array(z.enum(authorizationModes)).min(1))
    .refine((modes) => new Set(modes).size === modes.length, 'names a mode twice'),
  'authorization-webhook-config-file': z.string().optional(),
  'authorization-webhook-cache-authorized-ttl': duration('5m'),
  'authorization-webhook-cache-unauthorized-ttl': duration('30s'),
}

export const authorizationHelp: Readonly<Record<keyof typeof authorizationFlags, string>> = {
  'authorization-mode': `who decides, in this order, separated by commas: ${authorizationModes.join(', ')}`,
  'authorization-webhook-config-file': 'kubeconfig of the service that the mode Webhook asks',
  'authorization-webhook-cache-authorized-ttl': 'how long a yes of that service is believed',
  'authorization-webhook-cache-unauthorized-ttl': 'how long any other answer of it is believed',
}
