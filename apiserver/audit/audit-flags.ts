import { z } from 'zod'

const count = (fallback: number) => z.coerce.number().int().min(0).default(fallback)
const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, `must be a duration such as ${fallback}`)
    .default(fallback)

/** The flags of the audit log, under kube-apiserver's names. */
export const auditFlags = {
  'audit-policy-file': z.string().optional(),
  'audit-log-path': z.string().min(1).optional(),
  'audit-log-maxage': count(0),
  'audit-log-maxbackup': count(10),
  'audit-log-maxsize': count(100),
  'audit-webhook-config-file': z.string().optional(),
  'audit-webhook-batch-max-size': z.coerce.number().int().min(1).default(400),
  'audit-webhook-batch-buffer-size': z.coerce.number().int().min(1).default(10_000),
  'audit-webhook-batch-max-wait': duration('30s'),
  'audit-webhook-initial-backoff': duration('10s'),
}

export const auditFlagHelp: Readonly<Record<keyof typeof auditFlags, string>> = {
  'audit-policy-file': 'audit.k8s.io/v1 Policy; changes and refusals at level Metadata when left out',
  'audit-log-path': 'file that audit events are appended to as lines of JSON; - is standard output',
  'audit-log-maxage': 'days that old audit files are kept; 0 is for ever',
  'audit-log-maxbackup': 'old audit files that are kept; 0 is all',
  'audit-log-maxsize': 'megabytes after which a new audit file is begun; 0 is never',
  'audit-webhook-config-file': 'kubeconfig of a webhook that audit events are sent to',
  'audit-webhook-batch-max-size': 'events sent to the audit webhook at a time',
  'audit-webhook-batch-buffer-size': 'events held for the audit webhook; more are dropped',
  'audit-webhook-batch-max-wait': 'how long an event waits for others to be sent with it',
  'audit-webhook-initial-backoff': 'pause after the audit webhook failed for the first time',
}
