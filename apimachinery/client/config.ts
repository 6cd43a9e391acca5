import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { ClientConfig } from './http-client.ts'
import { credentialsOf } from './kubeconfig-credentials.ts'
import { mergeKubeconfigs, parseKubeconfig, readKubeconfig, type Kubeconfig } from './kubeconfig.ts'

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

function selected(source: ConfigSource): Kubeconfig {
  const config = read(source)
  if (source.context === undefined) return config
  if (!config.contexts.has(source.context)) {
    const known = [...config.contexts.keys()].join(', ')
    throw new ConfigError(`the kubeconfig has no context "${source.context}"; it has: ${known || 'none'}`)
  }
  return { ...config, currentContext: source.context }
}

/** The same from the text of a kubeconfig; paths in it must be absolute. Throws ConfigError. */
export function configFromText(kubeconfig: string): LoadedConfig {
  const config = parsed('the kubeconfig', () => parseKubeconfig(kubeconfig))
  return fromKubeConfig(config, () => config)
}

function read({ kubeconfig, env = process.env }: ConfigSource): Kubeconfig {
  const listed = env['KUBECONFIG']?.split(delimiter).filter((path) => path !== '') ?? []
  const paths = kubeconfig !== undefined ? [kubeconfig] : listed
  if (paths.length > 0) return merged(paths)
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined && existsSync(serviceAccountToken)) {
    return parsed('the service account', () => serviceAccount(env))
  }
  const own = join(env['HOME'] ?? homedir(), '.kube', 'config')
  if (existsSync(own)) return merged([own])
  throw new ConfigError('no kubeconfig was found: give one with --kubeconfig or in KUBECONFIG')
}

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount'
const serviceAccountToken = `${serviceAccountDirectory}/token`

function serviceAccount(env: Readonly<Record<string, string | undefined>>): Kubeconfig {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const namespace = readFileSync(`${serviceAccountDirectory}/namespace`, 'utf8').trim()
  const name = 'in-cluster'
  return {
    clusters: new Map([[name, { server, 'certificate-authority': `${serviceAccountDirectory}/ca.crt` }]]),
    users: new Map([[name, { tokenFile: serviceAccountToken }]]),
    contexts: new Map([[name, { cluster: name, user: name, namespace }]]),
    currentContext: name,
  }
}

function merged(paths: readonly string[]): Kubeconfig {
  return mergeKubeconfigs(paths.map((path) => parsed(path, () => readKubeconfig(path))))
}

function parsed(what: string, load: () => Kubeconfig): Kubeconfig {
  try {
    return load()
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown failure'
    throw new ConfigError(`${what} cannot be read: ${why}`, { cause: error })
  }
}

function fromKubeConfig(config: Kubeconfig, current: () => Kubeconfig): LoadedConfig {
  const { context, cluster } = chosen(config)
  if (cluster['proxy-url'] !== undefined) {
    throw new ConfigError('proxy-url is not supported: connect directly')
  }
  const { server } = cluster
  if (!URL.canParse(server) || !/^https?:\/\//.test(server)) {
    throw new ConfigError(`the server "${server}" of the kubeconfig is not an http or https URL`)
  }
  return {
    server,
    namespace: context.namespace,
    credentials: async () => {
      const now = chosen(current())
      // Whatever the file says by now, these go to the server that was found at first.
      return await credentialsOf({ ...now.cluster, server }, now.user)
    },
  }
}

function chosen({ clusters, users, contexts, currentContext = '' }: Kubeconfig) {
  const context = contexts.get(currentContext)
  const cluster = clusters.get(context?.cluster ?? '')
  if (!context || !cluster) {
    throw new ConfigError(`the kubeconfig names no server for its context "${currentContext}"`)
  }
  return { context, cluster, user: users.get(context.user ?? '') }
}
