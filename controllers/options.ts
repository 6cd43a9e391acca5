import { parseArgs } from 'node:util'
import { z } from 'zod'

const schema = z.object({
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  'leader-elect': z
    .enum(['true', 'false'])
    .default('true')
    .transform((text) => text === 'true'),
  'leader-elect-resource-namespace': z.string().min(1).max(63).default('kvorum-system'),
  'leader-elect-resource-name': z.string().min(1).max(253).default('kvorum-controllers'),
  'metrics-port': z.coerce.number('must be a port').int().min(0).max(65535).default(0),
  'log-level': z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

/** What each flag is for, in the order `--help` shows them. */
const help: Readonly<Record<keyof z.infer<typeof schema>, string>> = {
  kubeconfig: 'how to reach the API server; KUBECONFIG, a service account or ~/.kube/config when left out',
  context: 'context of the kubeconfig; its current one when left out',
  'leader-elect': 'true waits for its turn before it works, as several processes need; false works at once',
  'leader-elect-resource-namespace': 'namespace of the Lease that the leader holds',
  'leader-elect-resource-name': 'name of that Lease',
  'metrics-port': 'port of /healthz, /readyz and /metrics on 127.0.0.1; 0 takes a free one',
  'log-level': 'debug, info, warn, error or silent',
}

export interface ControllersOptions {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  /** Where the leader's Lease is; undefined leads without asking. */
  readonly leaderElection: { readonly namespace: string; readonly name: string } | undefined
  /** On 127.0.0.1; 0 takes a free one. */
  readonly metricsPort: number
  readonly logLevel: z.infer<typeof schema>['log-level']
}

/** A mistake on the command line; the message says which flag and why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Throws UsageError. */
export function parseOptions(argv: readonly string[]): ControllersOptions {
  const { success, data, error } = schema.safeParse(readFlags(argv))
  if (!success) {
    const [issue] = error.issues
    throw new UsageError(`--${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`)
  }
  const election = {
    namespace: data['leader-elect-resource-namespace'],
    name: data['leader-elect-resource-name'],
  }
  return {
    kubeconfig: data.kubeconfig,
    context: data.context,
    leaderElection: data['leader-elect'] ? election : undefined,
    metricsPort: data['metrics-port'],
    logLevel: data['log-level'],
  }
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(Object.keys(help).map((name) => [name, { type: 'string' as const }]))
  try {
    return { ...parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function helpText(): string {
  const width = Math.max(...Object.keys(help).map((name) => name.length))
  const lines = Object.entries(help).map(([name, text]) => `  --${name.padEnd(width)}  ${text}`)
  return `Reconciles Kvorum's objects.\n\n${lines.join('\n')}\n`
}
