import { readFile } from 'node:fs/promises'
import { openAuditor } from './audit/open-auditor.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { systemClock } from '../apimachinery/clock.ts'
import { jsonLogger, type Logger } from '../apimachinery/log.ts'
import { configureAuthentication } from './authentication/authentication.ts'
import { authorizerOfModes } from './authorization/authorization-modes.ts'
import type { Authorizer } from './authorization/authorizer.ts'
import { NodeAuthorizer } from './authorization/node-authorizer.ts'
import type { NodeGraph } from './authorization/node-graph.ts'
import { RbacAuthorizer } from './authorization/rbac-authorizer.ts'
import type { ObjectStore } from './registry/object-store.ts'
import { ensureServerCertificates } from './certificates/server-certificates.ts'
import { dialDaemon } from './console/daemon-address.ts'
import { listen } from './http/listener.ts'
import { installCrds } from './registry/crd/install-crds.ts'
import { durationMs, helpText, parseOptions, UsageError, type ApiServerOptions } from './options.ts'
import { buildServer, type ServerDeps } from './server.ts'
import { runCompactor } from './storage/compactor.ts'
import { etcdStorage } from './storage/etcd/etcd-storage.ts'
import type { Storage } from './storage/storage.ts'

const release = '0.1.0'

export interface ApiServerDeps {
  readonly clock: Clock
  readonly log: Logger
  /** Used instead of etcd, and left open at the end. */
  readonly storage?: Storage
}

export interface RunningApiServer {
  /** Where clients reach it: `https://127.0.0.1:6443`. */
  readonly url: string
  /** The authority that its certificate is signed by, PEM. */
  readonly caPem: string
  /** A kubeconfig with full rights; undefined when the certificates came from outside. */
  readonly adminKubeconfig: string | undefined
  /** Ends watches and open requests in order, then stops. */
  close(): Promise<void>
}

/** Starts an API server; resolves when it answers. */
export async function startApiServer(
  options: ApiServerOptions,
  { clock, log, storage: given }: ApiServerDeps,
): Promise<RunningApiServer> {
  const certificates = await ensureServerCertificates(options, clock)
  const storage = given ?? (await connectEtcd(options, { clock, log }))
  const stopping = new AbortController()
  const auditor = await openAuditor(options, { clock, log })
  const server = await buildServer({
    storage,
    auditor,
    authentication: await authenticationOf(options, () => url),
    authorizer: authorizerOf(options),
    limits: { reading: options.maxRequestsInflight, mutating: options.maxMutatingRequestsInflight },
    requestTimeoutMs: durationMs(options.requestTimeout),
    dialDaemon: await daemonDialer(options, certificates.clientAuthority),
    release,
    clock,
    log,
  })
  if (options.installCrds !== undefined) await installCrds(options.installCrds, server.local)
  const listener = await listen(
    {
      ...certificates,
      host: options.bindAddress,
      port: options.securePort,
      clock,
      log,
      compression: options.compression,
    },
    server.handler,
    server.upgrade,
  )
  const compaction = compact(options, { storage, clock, log }, stopping.signal)
  const url = `https://${hostText(options.externalHostname ?? options.bindAddress)}:${listener.port}`
  log.info('Serving', { url })
  return {
    url,
    caPem: certificates.authority,
    adminKubeconfig: await certificates.adminKubeconfig?.(url),
    async close() {
      server.drain()
      stopping.abort(new Error('the server is closing'))
      await listener.close()
      await server.close()
      await auditor?.close()
      await compaction
      if (!given) await storage.close()
    },
  }
}

/** The program: serves until `signal` is aborted. Throws UsageError for a wrong command line. */
export async function main(argv: readonly string[], signal: AbortSignal): Promise<void> {
  if (argv.includes('--help')) {
    process.stdout.write(helpText())
    return
  }
  const options = parseOptions(argv)
  const log = jsonLogger(options.logLevel, { program: 'apiserver' })
  const server = await startApiServer(options, { clock: systemClock, log })
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }
  log.info('Stopping')
  await server.close()
}

function authorizerOf({ authorizationMode }: ApiServerOptions) {
  return async (objects: ObjectStore, signal: AbortSignal, nodes: NodeGraph): Promise<Authorizer> =>
    await authorizerOfModes(authorizationMode, {
      async RBAC() {
        const rbac = new RbacAuthorizer(objects, signal)
        await rbac.start()
        return rbac
      },
      async Node() {
        return new NodeAuthorizer(nodes, objects)
      },
      async Webhook() {
        throw new UsageError('--authorization-mode: Webhook is not known yet')
      },
    })
}

async function authenticationOf(options: ApiServerOptions, url: () => string) {
  const serviceAccountMaxTokenMs = durationMs(options.serviceAccountMaxTokenExpiration)
  return await configureAuthentication({ ...options, serviceAccountMaxTokenMs }, url)
}

async function daemonDialer(
  { kubeletClientCertificate, kubeletClientKey }: ApiServerOptions,
  ca: string,
): Promise<ServerDeps['dialDaemon']> {
  if (kubeletClientCertificate === undefined || kubeletClientKey === undefined) return undefined
  const certificate = await readFile(kubeletClientCertificate, 'utf8')
  return dialDaemon({ ca, certificate, key: await readFile(kubeletClientKey, 'utf8') })
}

async function connectEtcd(
  { etcdServers, etcdCafile, etcdCertfile, etcdKeyfile }: ApiServerOptions,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<Storage> {
  const tls = etcdCafile && {
    ca: await readFile(etcdCafile),
    ...(etcdCertfile && { certificate: await readFile(etcdCertfile) }),
    ...(etcdKeyfile && { key: await readFile(etcdKeyfile) }),
  }
  return etcdStorage({ endpoints: etcdServers, clock, log, ...(tls && { tls }) })
}

async function compact(
  { etcdCompactionInterval }: ApiServerOptions,
  deps: { storage: Storage; clock: Clock; log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const intervalMs = durationMs(etcdCompactionInterval)
  if (intervalMs > 0) await runCompactor({ ...deps, intervalMs }, signal)
}

/** IPv6 addresses stand in brackets in URLs; the wildcard is reached as this machine. */
function hostText(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
