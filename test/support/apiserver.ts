import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, type Clock } from '../../apimachinery/clock.ts'
import { silentLogger, type Logger } from '../../apimachinery/log.ts'
import { startApiServer, type RunningApiServer } from '../../apiserver/main.ts'
import { optionsOf } from '../../apiserver/options.ts'
import { etcdStorage } from '../../apiserver/storage/etcd/etcd-storage.ts'
import { memoryStorage } from '../../apiserver/storage/memory/memory-storage.ts'
import type { Storage } from '../../apiserver/storage/storage.ts'
import { startEtcd, type EtcdServer } from './etcd.ts'

export interface TestApiServerOptions {
  /** Default: `memory`. `etcd` starts one. A Storage or endpoints of a running etcd are used as they are. */
  readonly storage?: 'memory' | 'etcd' | Storage | { readonly endpoints: readonly string[] }
  /** CRD files to serve from the start, such as `crds`. */
  readonly installCrds?: string
  /** Further flags, by name. */
  readonly flags?: Readonly<Record<string, string | number>>
  readonly clock?: Clock
  readonly log?: Logger
}

export interface TestApiServer extends RunningApiServer {
  /** Path of a kubeconfig with full rights, for kubectl. */
  readonly kubeconfigPath: string
  /** The same as text. */
  readonly adminKubeconfig: string
  /** Holds the certificates and the kubeconfig; gone after `close`. */
  readonly directory: string
  readonly storage: Storage
  /** Set when this started an etcd of its own. */
  readonly etcd: EtcdServer | undefined
}

/** Namespaces hold what a test puts there, and nothing else. A test of the rest takes `controllers: '*'`. */
const quiet = '*,-root-ca-certificate-publisher-controller,-serviceaccount-controller'

/** A whole API server on 127.0.0.1 with a free port. `close` stops it and everything started for it. */
export async function startTestApiServer(options: TestApiServerOptions = {}): Promise<TestApiServer> {
  const { clock = systemClock, log = silentLogger } = options
  const directory = await mkdtemp(join(tmpdir(), 'kvorum-apiserver-'))
  const { storage, etcd } = await openStorage(options.storage ?? 'memory', { clock, log })
  const flags = {
    'cert-dir': directory,
    'secure-port': 0,
    controllers: quiet,
    ...(options.installCrds !== undefined && { 'install-crds': options.installCrds }),
    ...options.flags,
  }
  const server = await startApiServer(optionsOf(flags), { clock, log, storage })
  const adminKubeconfig = server.adminKubeconfig ?? ''
  const kubeconfigPath = join(directory, 'kubeconfig')
  await writeFile(kubeconfigPath, adminKubeconfig, { mode: 0o600 })
  return {
    ...server,
    adminKubeconfig,
    kubeconfigPath,
    directory,
    storage,
    etcd,
    async close() {
      await server.close()
      // A storage that was handed in belongs to the test.
      if (!isStorage(options.storage)) await storage.close()
      await etcd?.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function openStorage(
  wanted: NonNullable<TestApiServerOptions['storage']>,
  deps: { clock: Clock; log: Logger },
): Promise<{ storage: Storage; etcd?: EtcdServer }> {
  if (wanted === 'memory') return { storage: memoryStorage({ clock: deps.clock }) }
  if (wanted === 'etcd') {
    const etcd = await startEtcd()
    return { storage: etcdStorage({ endpoints: etcd.endpoints, ...deps }), etcd }
  }
  if (isStorage(wanted)) return { storage: wanted }
  return { storage: etcdStorage({ endpoints: wanted.endpoints, ...deps }) }
}

function isStorage(value: TestApiServerOptions['storage']): value is Storage {
  return typeof value === 'object' && 'currentRevision' in value
}
