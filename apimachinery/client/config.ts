import { KubeConfig } from '@kubernetes/client-node'
import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Credentials } from './http/connection.ts'
import type { ClientConfig } from './http-client.ts'

/** No usable kubeconfig; the message says what to do about it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export interface ConfigSource {
  /** Path of a kubeconfig. Left out: those of `KUBECONFIG`, else the service account of a pod, else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined
  /** Name of a context in it. Left out: its current one. */
  readonly context?: string | undefined
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface LoadedConfig extends ClientConfig {
  /** The namespace of the context: where a user works who names none. */
  readonly namespace: string | undefined
}

/** Reads where the server is and how to get in: client certificates, tokens, token files, exec plugins. Throws ConfigError. */
export function loadConfig(source: ConfigSource = {}): LoadedConfig {
  let config = selected(source)
  // Files are replaced while programs run, when what is in them comes to its end.
  const current = () => {
    try {
      config = selected(source)
    } catch {
      // Half-written or gone for a moment: what was read before goes on.
    }
    return config
  }
  return fromKubeConfig(config, current)
}

function selected(source: ConfigSource): KubeConfig {
  const config = read(source)
  if (source.context === undefined) return config
  if (config.getContextObject(source.context) === null) {
    const known = config.contexts.map(({ name }) => name).join(', ')
    throw new ConfigError(`the kubeconfig has no context "${source.context}"; it has: ${known || 'none'}`)
  }
  config.setCurrentContext(source.context)
  return config
}

/** The same from the text of a kubeconfig; paths in it must be absolute. Throws ConfigError. */
export function configFromText(kubeconfig: string): LoadedConfig {
  const config = parsed('the kubeconfig', (empty) => empty.loadFromString(kubeconfig))
  return fromKubeConfig(config, () => config)
}

function read({ kubeconfig, env = process.env }: ConfigSource): KubeConfig {
  const listed = env['KUBECONFIG']?.split(delimiter).filter((path) => path !== '') ?? []
  const paths = kubeconfig !== undefined ? [kubeconfig] : listed
  if (paths.length > 0) return merged(paths)
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(serviceAccountToken)) {
    return parsed('the service account', (config) => config.loadFromCluster())
  }
  const own = join(env['HOME'] ?? homedir(), '.kube', 'config')
  if (existsSync(own)) return merged([own])
  throw new ConfigError('no kubeconfig was found: give one with --kubeconfig or in KUBECONFIG')
}

const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

function merged(paths: readonly string[]): KubeConfig {
  const [first, ...others] = paths.map((path) => parsed(path, (config) => config.loadFromFile(path)))
  if (first === undefined) throw new ConfigError('no kubeconfig was given')
  for (const other of others) first.mergeConfig(other, first.getCurrentContext() !== '')
  return first
}

function parsed(what: string, load: (config: KubeConfig) => void): KubeConfig {
  const config = new KubeConfig()
  try {
    load(config)
  } catch (error) {
    throw new ConfigError(
      `${what} cannot be read: ${error instanceof Error ? error.message : 'unknown failure'}`,
      {
        cause: error,
      },
    )
  }
  return config
}

function fromKubeConfig(config: KubeConfig, current: () => KubeConfig): LoadedConfig {
  const context = config.getContextObject(config.getCurrentContext())
  const cluster = config.getCurrentCluster()
  if (context === null || cluster === null) {
    throw new ConfigError(
      `the kubeconfig names no server for its context "${config.getCurrentContext() ?? ''}"`,
    )
  }
  if (cluster.proxyUrl !== undefined) throw new ConfigError('proxy-url is not supported: connect directly')
  if (!URL.canParse(cluster.server) || !/^https?:\/\//.test(cluster.server)) {
    throw new ConfigError(`the server "${cluster.server}" of the kubeconfig is not an http or https URL`)
  }
  return {
    server: cluster.server,
    namespace: context.namespace,
    credentials: () => credentialsOf(current(), cluster.server),
  }
}

async function credentialsOf(config: KubeConfig, server: string): Promise<Credentials> {
  const options: RequestOptions & { servername?: string } = {}
  if (server.startsWith('http:')) return { headers: {} }
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file may end in a line end, which no header may.
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim()
  }
  if (typeof auth === 'string') headers['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`
  return {
    headers,
    ...pem('ca', ca),
    ...pem('cert', cert),
    ...pem('key', key),
    ...(servername !== undefined && { serverName: servername }),
    ...(rejectUnauthorized === false && { insecureSkipTlsVerify: true }),
  }
}

function pem(name: 'ca' | 'cert' | 'key', value: unknown): Partial<Credentials> {
  return typeof value === 'string' || Buffer.isBuffer(value) ? { [name]: value } : {}
}
