import { homedir, hostname } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { addressPolicy, type AddressRanges, deniedByDefault } from './image/address-policy.ts'

const hostNamePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

const path = z
  .string()
  .min(1)
  .transform((text) => (isAbsolute(text) ? text : resolve(text)))

/** Addresses and ranges, with commas between them. */
const ranges = z
  .string()
  .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
  .superRefine((list, context) => {
    try {
      addressPolicy({ denied: list, allowed: [] })
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
    }
  })

const schema = z.object({
  kubeconfig: z.string().optional(),
  'host-name': z
    .string()
    .max(253)
    .regex(hostNamePattern, 'must be lower-case letters, digits, - and .')
    .prefault(() => hostname().toLowerCase()),
  'data-dir': path.prefault('/var/lib/kvorum'),
  'import-dir': path.optional(),
  'image-denied-addresses': ranges.prefault(deniedByDefault.join(',')),
  'image-allowed-addresses': ranges.prefault(''),
  hypervisor: z.enum(['libvirt', 'fake']).default('libvirt'),
  'libvirt-uri': z.string().default('qemu:///system'),
  'bind-address': z.string().default('0.0.0.0'),
  port: z.coerce.number().int().min(0).max(65535).default(7444),
  'bootstrap-kubeconfig': path.optional(),
  'cert-dir': path.optional(),
  'tls-cert-file': path.optional(),
  'tls-private-key-file': path.optional(),
  'client-ca-file': path.optional(),
  'log-level': z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

type Flags = z.infer<typeof schema>
type Flag = keyof Flags

/** What each flag is for, in the order `--help` shows them. */
const help: Readonly<Record<Flag, string>> = {
  kubeconfig: 'how to reach the API server; default: KUBECONFIG, else ~/.kube/config',
  'host-name': "name of this host's object; default: the host's own name",
  'data-dir': 'where disks, images and records are kept; default: /var/lib/kvorum',
  'import-dir': 'directory that images may be copied from; default: import below the data directory',
  'image-denied-addresses':
    'addresses and ranges that images are not fetched from; default: loopback, link-local, multicast, metadata services',
  'image-allowed-addresses':
    'addresses and ranges that images may be fetched from all the same; default: none',
  hypervisor: 'libvirt, or fake for machines that exist in memory only',
  'libvirt-uri': 'default: qemu:///system',
  'bind-address': 'address that consoles are served on; default: 0.0.0.0',
  port: 'port that consoles are served on; 0 takes a free one; default: 7444',
  'bootstrap-kubeconfig': 'what may ask for the first certificate of a new host',
  'cert-dir': 'where certificates are kept that the daemon asks for; default: pki below the data directory',
  'tls-cert-file': 'serving certificate, PEM; asked for at the API server when left out',
  'tls-private-key-file': 'key of that certificate, PEM',
  'client-ca-file':
    'authority whose client certificates are believed, PEM; that of the kubeconfig when left out',
  'log-level': 'debug, info, warn, error or silent',
}

/** The flags under camel-case names, with nothing left out but what is the environment's to say. */
export interface NodeDaemonOptions {
  readonly kubeconfig: string | undefined
  readonly hostName: string
  readonly dataDir: string
  readonly importDir: string
  /** What images may and may not be fetched from. */
  readonly imageAddresses: AddressRanges
  readonly hypervisor: 'libvirt' | 'fake'
  readonly libvirtUri: string
  readonly bindAddress: string
  readonly port: number
  readonly bootstrapKubeconfig: string | undefined
  readonly certDir: string | undefined
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
  readonly clientCaFile: string | undefined
  readonly logLevel: Flags['log-level']
}

/** A mistake on the command line or in the environment; the message says which option and why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads flags, and for what they leave out `KVORUM_NODE_<FLAG>` from the environment. Throws UsageError. */
export function parseOptions(argv: readonly string[], env: Environment = process.env): NodeDaemonOptions {
  const flags = { ...readEnvironment(env), ...readFlags(argv) }
  const { success, data, error } = schema.safeParse(flags)
  if (!success) {
    const [issue] = error.issues
    const name = String(issue?.path[0] ?? '')
    const missing = !(name in flags)
    throw new UsageError(`--${name}: ${missing ? 'is required' : (issue?.message ?? 'is not valid')}`)
  }
  checkTls(data)
  return {
    kubeconfig: data.kubeconfig?.replace(/^~(?=\/)/, homedir()),
    hostName: data['host-name'],
    dataDir: data['data-dir'],
    importDir: data['import-dir'] ?? join(data['data-dir'], 'import'),
    imageAddresses: { denied: data['image-denied-addresses'], allowed: data['image-allowed-addresses'] },
    hypervisor: data.hypervisor,
    libvirtUri: data['libvirt-uri'],
    bindAddress: data['bind-address'],
    port: data.port,
    bootstrapKubeconfig: data['bootstrap-kubeconfig'],
    certDir: data['cert-dir'],
    tlsCertFile: data['tls-cert-file'],
    tlsPrivateKeyFile: data['tls-private-key-file'],
    clientCaFile: data['client-ca-file'],
    logLevel: data['log-level'],
  }
}

function checkTls(flags: Flags): void {
  const { 'tls-cert-file': certificate, 'tls-private-key-file': key, 'client-ca-file': authority } = flags
  if ((certificate === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert-file and --tls-private-key-file go together')
  if (certificate !== undefined && authority === undefined)
    throw new UsageError('--client-ca-file: is required with --tls-cert-file')
}

const names = Object.keys(help) as Flag[]

function readEnvironment(env: Environment): Record<string, string> {
  const variable = (name: Flag) => `KVORUM_NODE_${name.replaceAll('-', '_').toUpperCase()}`
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[variable(name)]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    return { ...parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function helpText(): string {
  const width = Math.max(...names.map((name) => name.length))
  const lines = names.map((name) => `  --${name.padEnd(width)}  ${help[name]}`)
  return `Runs the machines of this host.\n\n${lines.join('\n')}\n`
}
