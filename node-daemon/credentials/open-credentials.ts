import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../apimachinery/client/config.ts'
import { httpClient, type ClientConfig } from '../../apimachinery/client/http-client.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { NodeCredentials } from './node-credentials.ts'

export interface CredentialPaths {
  readonly hostName: string
  readonly dataDir: string
  readonly kubeconfig: string | undefined
  readonly bootstrapKubeconfig: string | undefined
  readonly certDir: string | undefined
  /** Set when the certificate for consoles comes from outside. */
  readonly tlsCertFile: string | undefined
}

/** The credentials that the options of the daemon describe, with what was kept of them. Throws ConfigError. */
export async function openCredentials(
  paths: CredentialPaths,
  deps: { readonly clock: Clock; readonly log: Logger },
): Promise<NodeCredentials> {
  const { hostName, dataDir, kubeconfig, bootstrapKubeconfig } = paths
  const bootstrap =
    bootstrapKubeconfig === undefined ? undefined : loadConfig({ kubeconfig: bootstrapKubeconfig })
  const given = kubeconfig !== undefined && existsSync(kubeconfig)
  const server = bootstrap !== undefined && !given ? placeOf(bootstrap) : loadConfig({ kubeconfig })
  const credentials = new NodeCredentials(
    {
      hostName,
      directory: paths.certDir ?? join(dataDir, 'pki'),
      server,
      bootstrap,
      serving: paths.tlsCertFile === undefined,
    },
    { ...deps, connect: (config) => httpClient(config, { userAgent: 'kvorum-node-daemon' }) },
  )
  await credentials.load()
  return credentials
}

/** Where the server is and how to know it, without what gets new hosts in. */
function placeOf({ server, credentials }: ClientConfig): ClientConfig {
  return {
    server,
    async credentials() {
      const { cert: _cert, key: _key, ...rest } = await credentials()
      return { ...rest, headers: {} }
    },
  }
}
