import { KubeConfig } from '@kubernetes/client-node'
import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { systemClock } from '../apimachinery/clock.ts'
import type { Api } from './api.ts'
import type { CommandContext } from './context.ts'
import { discover, type Discovery } from './discovery.ts'
import { httpApi, type ServerAccess } from './http-api.ts'
import { UsageError } from './usage-error.ts'

export interface ConnectOptions {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
}

export interface Connection {
  readonly context: CommandContext
  readonly openWebSocket: (path: string) => WebSocket
}

/** Reads the kubeconfig and prepares a connection; nothing is sent before the first request. */
export async function connect(options: ConnectOptions, signal: AbortSignal): Promise<Connection> {
  const config = loadConfig(options)
  const access = await accessOf(config)
  const api: Api = httpApi(access)
  let discovery: Promise<Discovery> | undefined
  const context: CommandContext = {
    api,
    clock: systemClock,
    namespace:
      options.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    signal,
    discovery: () => (discovery ??= discover(api)),
    print: (text) => process.stdout.write(text),
    error: (line) => process.stderr.write(`${line}\n`),
  }
  const openWebSocket = (path: string) => {
    const url = access.url.replace(/^http/, 'ws').replace(/\/$/, '') + path
    return new WebSocket(url, {
      ...access.tls,
      headers: access.headers,
      perMessageDeflate: false,
      maxPayload: 16 << 20,
    })
  }
  return { context, openWebSocket }
}

/** `--kubeconfig` or KUBECONFIG, else that of `kvorum up` on this machine, else `~/.kube/config`. */
function loadConfig({ kubeconfig, context }: ConnectOptions): KubeConfig {
  const dataDir = process.env['KVORUM_DATA_DIR'] ?? '/var/lib/kvorum'
  const candidates = [
    kubeconfig,
    join(dataDir, 'admin.kubeconfig'),
    '.kvorum/admin.kubeconfig',
    join(homedir(), '.kube', 'config'),
  ]
  const path = kubeconfig ?? candidates.find((candidate) => candidate !== undefined && existsSync(candidate))
  if (path === undefined)
    throw new UsageError('no kubeconfig was found: start one with kvorum up, or give --kubeconfig')
  if (!existsSync(path)) throw new UsageError(`the kubeconfig ${path} does not exist`)
  const config = new KubeConfig()
  config.loadFromFile(path)
  if (context !== undefined) config.setCurrentContext(context)
  if (config.getCurrentCluster() === null)
    throw new UsageError(`${path} names no server for its context "${config.getCurrentContext()}"`)
  return config
}

async function accessOf(config: KubeConfig): Promise<ServerAccess> {
  const tls: RequestOptions & { servername?: string } = {}
  await config.applyToHTTPSOptions(tls)
  const { ca, cert, key, rejectUnauthorized, servername, headers, auth } = tls
  return {
    url: config.getCurrentCluster()?.server ?? '',
    tls: {
      ...(ca !== undefined && { ca: ca as Buffer }),
      ...(cert !== undefined && { cert: cert as Buffer }),
      ...(key !== undefined && { key: key as Buffer }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(servername !== undefined && { servername }),
    },
    headers: {
      ...(headers as Record<string, string> | undefined),
      ...(typeof auth === 'string' && { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
    },
  }
}
