import type { WebSocket } from 'ws'
import type { Credentials } from '../apimachinery/client/http/connection.ts'
import { loadConfig, type LoadedConfig } from '../apimachinery/client/config.ts'
import { systemClock } from '../apimachinery/clock.ts'
import type { CommandContext } from './context.ts'
import { discover, type Discovery } from './discovery.ts'
import { parseDuration } from './duration.ts'
import { httpApi } from './http-api.ts'
import { kubeconfigPath } from './own-kubeconfig.ts'
import { maxManifestBytes } from './read-manifests.ts'
import { processStreams, readAllText, type Streams } from './streams.ts'

/** Which server, as whom, and where: kubectl's options of every command. */
export interface ConnectOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly server?: string
  readonly token?: string
  readonly insecureSkipTlsVerify?: boolean
  readonly as?: string
  readonly asGroup?: readonly string[]
  readonly asUid?: string
  readonly requestTimeout?: string
}

export interface Connection {
  readonly context: CommandContext
  readonly openWebSocket: (path: string) => Promise<WebSocket>
}

const answerMs = 60_000

/** Reads the kubeconfig and prepares a connection; nothing is sent before the first request. */
export function connect(
  options: ConnectOptions,
  signal: AbortSignal,
  streams: Streams = processStreams(),
): Connection {
  const config = configOf(options, streams)
  const warned = new Set<string>()
  const error = (line: string) => void streams.errors.write(`${line}\n`)
  const timeoutMs = parseDuration(options.requestTimeout ?? '0') || answerMs
  const api = httpApi(config, {
    timeoutMs,
    signal,
    onWarning(text) {
      if (!warned.has(text)) error(`Warning: ${text}`)
      warned.add(text)
    },
  })
  let discovery: Promise<Discovery> | undefined
  const context: CommandContext = {
    api,
    clock: systemClock,
    namespace: options.namespace ?? config.namespace ?? 'default',
    namespaceGiven: options.namespace !== undefined,
    server: config.server,
    env: streams.env,
    signal,
    discovery(fresh = false) {
      if (fresh) discovery = undefined
      return (discovery ??= discover(api))
    },
    readInput: () => readAllText(streams.input, maxManifestBytes),
    print: (text) => void streams.output.write(text),
    error,
  }
  return { context, openWebSocket: (path) => openWebSocket(config, path) }
}

function configOf(options: ConnectOptions, { env }: Streams): LoadedConfig {
  const { kubeconfig, context } = options
  const config = loadConfig({ kubeconfig: kubeconfigPath(kubeconfig, env), context, env })
  return {
    ...config,
    server: options.server ?? config.server,
    credentials: async () => withOptions(await config.credentials(), options),
  }
}

function withOptions(credentials: Credentials, options: ConnectOptions): Credentials {
  const headers: Record<string, string> = { ...credentials.headers }
  if (options.as !== undefined) headers['impersonate-user'] = options.as
  if (options.asUid !== undefined) headers['impersonate-uid'] = options.asUid
  if (options.asGroup?.length) headers['impersonate-group'] = options.asGroup.join(',')
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`
  const { cert, key, ...rest } = credentials
  return {
    ...rest,
    // A client certificate would win over the token.
    ...(options.token === undefined && cert !== undefined && { cert }),
    ...(options.token === undefined && key !== undefined && { key }),
    ...(options.insecureSkipTlsVerify === true && { insecureSkipTlsVerify: true }),
    headers,
  }
}

async function openWebSocket({ server, credentials }: LoadedConfig, path: string): Promise<WebSocket> {
  const { WebSocket: Socket } = await import('ws')
  const { ca, cert, key, serverName, insecureSkipTlsVerify, headers } = await credentials()
  return new Socket(server.replace(/^http/, 'ws').replace(/\/+$/, '') + path, {
    headers,
    perMessageDeflate: false,
    maxPayload: 16 << 20,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
    ...(insecureSkipTlsVerify === true && { rejectUnauthorized: false }),
  })
}
