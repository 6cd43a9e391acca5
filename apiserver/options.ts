import { parseArgs } from 'node:util'
import { z } from 'zod'
import { aggregationFlags, aggregationHelp } from './aggregation/aggregation-flags.ts'
import { auditFlagHelp, auditFlags } from './audit/audit-flags.ts'
import {
  authenticationFlags,
  authenticationHelp,
  repeatableFlags,
  switchFlags,
} from './authentication/flags.ts'
import { encryptionFlags, encryptionHelp } from './storage/encrypted/encryption-flags.ts'
import { etcdFlags, etcdHelp } from './storage/etcd/etcd-flags.ts'
import { authorizationFlags, authorizationHelp } from './authorization/authorization-flags.ts'

const count = (fallback: number) => z.coerce.number().int().min(0).default(fallback)

const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'must be a duration such as 24h')
    .default(fallback)

const schema = z.object({
  ...etcdFlags,
  'etcd-compaction-interval': z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'must be a duration such as 5m')
    .default('5m'),
  'bind-address': z.string().default('127.0.0.1'),
  'secure-port': z.coerce.number().int().min(0).max(65535).default(6443),
  'external-hostname': z.string().optional(),
  'cert-dir': z.string().default('.kvorum/pki'),
  'tls-cert-file': z.string().optional(),
  'tls-private-key-file': z.string().optional(),
  'client-ca-file': z.string().optional(),
  'token-auth-file': z.string().optional(),
  ...authenticationFlags,
  'certificate-duration': duration('8760h'),
  'certificate-backdate': duration('5m'),
  'cluster-signing-cert-file': z.string().optional(),
  'cluster-signing-key-file': z.string().optional(),
  'cluster-signing-duration': duration('8760h'),
  'node-recovery-window': duration('8760h'),
  'kubelet-client-certificate': z.string().optional(),
  'kubelet-client-key': z.string().optional(),
  ...aggregationFlags,
  ...authorizationFlags,
  ...auditFlags,
  ...encryptionFlags,
  'install-crds': z.string().optional(),
  'enable-priority-and-fairness': z.enum(['true', 'false']).default('true'),
  'max-requests-inflight': count(400),
  'max-mutating-requests-inflight': count(200),
  'request-timeout': z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'must be a duration such as 60s')
    .default('60s'),
  compression: z.enum(['remote', 'always', 'never']).default('remote'),
  'log-level': z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

/** What each flag is for, in the order `--help` shows them. */
const help: Readonly<Record<keyof z.infer<typeof schema>, string>> = {
  ...etcdHelp,
  'etcd-compaction-interval': 'how long history is kept at least; 0s leaves compaction to others',
  'bind-address': 'address to listen on',
  'secure-port': 'port to listen on; 0 takes a free one',
  'external-hostname': 'name or address that clients reach this server by',
  'cert-dir': 'where own certificates are kept, and made when missing',
  'tls-cert-file': 'serving certificate, PEM; one of the own authority when left out',
  'tls-private-key-file': 'key of that certificate, PEM',
  'client-ca-file': 'authority whose client certificates are believed, PEM; the own one when left out',
  'token-auth-file': 'bearer tokens: lines of token,user,uid,"group1,group2"',
  ...authenticationHelp,
  'certificate-duration': 'how long certificates are valid that this server makes for itself',
  'certificate-backdate': 'how long before they are made certificates begin to be valid: clocks differ',
  'cluster-signing-cert-file': 'authority that signs certificate requests, PEM; the own one when left out',
  'cluster-signing-key-file': 'key of that authority, PEM',
  'cluster-signing-duration': 'the longest that a certificate is valid that was requested',
  'node-recovery-window': 'how long after its end a certificate of a host is good for asking for another',
  'kubelet-client-certificate': 'client certificate towards node daemons, PEM',
  'kubelet-client-key': 'key of that certificate, PEM',
  ...aggregationHelp,
  ...authorizationHelp,
  ...auditFlagHelp,
  ...encryptionHelp,
  'install-crds': 'directory of CustomResourceDefinitions to apply at start',
  'enable-priority-and-fairness': 'share the server out by FlowSchemas; else by the two limits alone',
  'max-requests-inflight':
    'reading requests worked on at a time; both limits together are shared out; 0: none',
  'max-mutating-requests-inflight': 'writing requests worked on at a time; 0: no limit',
  'request-timeout': 'how long a request may take, watches excepted',
  compression: 'gzip large answers for clients that are remote, always or never',
  'log-level': 'debug, info, warn, error or silent',
}

type Flags = z.infer<typeof schema>
type Camel<Text extends string> = Text extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text

/** The flags under camel-case names. */
export type ApiServerOptions = { readonly [Name in keyof Flags as Camel<Name>]: Flags[Name] }

/** A mistake on the command line; the message says which flag and why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Reads kube-apiserver's flags. Throws UsageError. */
export function parseOptions(argv: readonly string[]): ApiServerOptions {
  return optionsOf(readFlags(argv))
}

/** The same from flags by name; everything left out takes its default. Throws UsageError. */
export function optionsOf(flags: Readonly<Record<string, unknown>>): ApiServerOptions {
  const { success, data, error } = schema.safeParse(flags)
  if (!success) {
    const [issue] = error.issues
    throw new UsageError(`--${String(issue?.path[0] ?? '')}: ${issue?.message ?? 'is not valid'}`)
  }
  if ((data['tls-cert-file'] === undefined) !== (data['tls-private-key-file'] === undefined)) {
    throw new UsageError('--tls-cert-file and --tls-private-key-file go together')
  }
  if (data['authorization-mode'].includes('Webhook') !== 'authorization-webhook-config-file' in data) {
    throw new UsageError('--authorization-mode=Webhook and --authorization-webhook-config-file go together')
  }
  const entries = Object.entries(data).map(([name, value]) => [camel(name), value])
  return Object.fromEntries(entries) as ApiServerOptions
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    Object.keys(help).map((name) => [name, { type: 'string' as const, multiple: repeatableFlags.has(name) }]),
  )
  const args = argv.map((arg) => (switchFlags.has(arg.replace(/^--/, '')) ? `${arg}=true` : arg))
  try {
    return { ...parseArgs({ args, options, strict: true, allowPositionals: false }).values }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function helpText(): string {
  const width = Math.max(...Object.keys(help).map((name) => name.length))
  const lines = Object.entries(help).map(([name, text]) => `  --${name.padEnd(width)}  ${text}`)
  return `Serves the Kubernetes API on etcd.\n\n${lines.join('\n')}\n`
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a checked duration such as `60s`. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? []
  return Number(amount) * (unitMs[unit ?? ''] ?? 0)
}

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
