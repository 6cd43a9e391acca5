import { existsSync } from 'node:fs'
import { WebSocket } from 'ws'
import { loadConfig, type LoadedConfig } from '../apimachinery/client/config.ts'
import { systemClock } from '../apimachinery/clock.ts'
import type { CommandContext } from './context.ts'
import { discover, type Discovery } from './discovery.ts'
import { httpApi } from './http-api.ts'

export interface ConnectOptions {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
}

export interface Connection {
  readonly context: CommandContext
  readonly openWebSocket: (path: string) => Promise<WebSocket>
}

/** Reads the kubeconfig and prepares a connection; nothing is sent before the first request. */
export function connect(options: ConnectOptions, signal: AbortSignal): Connection {
  const config = loadConfig({ ...options, kubeconfig: options.kubeconfig ?? ownKubeconfig() })
  const api = httpApi(config)
  let discovery: Promise<Discovery> | undefined
  const context: CommandContext = {
    api,
    clock: systemClock,
    namespace: options.namespace ?? config.namespace ?? 'default',
    signal,
    discovery: () => (discovery ??= discover(api)),
    print: (text) => process.stdout.write(text),
    error: (line) => process.stderr.write(`${line}\n`),
  }
  return { context, openWebSocket: (path) => openWebSocket(config, path) }
}

/** That of `kvorum up` on this machine, for those who have set nothing. */
function ownKubeconfig(): string | undefined {
  if (process.env['KUBECONFIG'] !== undefined) return undefined
  const dataDir = process.env['KVORUM_DATA_DIR'] ?? '/var/lib/kvorum'
  return [`${dataDir}/admin.kubeconfig`, '.kvorum/admin.kubeconfig'].find((path) => existsSync(path))
}

async function openWebSocket({ server, credentials }: LoadedConfig, path: string): Promise<WebSocket> {
  const { ca, cert, key, serverName, insecureSkipTlsVerify, headers } = await credentials()
  return new WebSocket(server.replace(/^http/, 'ws').replace(/\/+$/, '') + path, {
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
