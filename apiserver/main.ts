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
import { keepFresh } from './certificates/keep-fresh.ts'
import {
  ensureServerCertificates,
  servingHosts,
  type ServerCertificates,
} from './certificates/server-certificates.ts'
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
  const loadCertificates = () => ensureServerCertificates(certificateOptions(options), clock)
  let certificates = await loadCertificates()
  const storage = given ?? (await connectEtcd(options, { clock, log }))
  const stopping = new AbortController()
  const auditor = await openAuditor(options, { clock, log })
  const server = await buildServer({
    storage,
    auditor,
    authentication: await authenticationOf(
      options,
      { url: () => url, authority: certificates.authority },
      () => certificates.clientAuthority,
    ),
    authorizer: authorizerOf(options),
    limits: { reading: options.maxRequestsInflight, mutating: options.maxMutatingRequestsInflight },
    requestTimeoutMs: durationMs(options.requestTimeout),
    dialDaemon: daemonDialer(() => certificates),
    signing: signingOptions(options, () => certificates),
    release,
    clock,
    log,
  })
  if (options.installCrds !== undefined) await installCrds(options.installCrds, server.local)
  const listener = await listen(
    {
      ...certificates.serving,
      clientAuthority: certificates.clientAuthority,
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
  const adminKubeconfig = await certificates.admin?.(url)
  const rotation = keepFresh(
    {
      load: loadCertificates,
      async use(next) {
        certificates = next
        listener.useCertificates({ ...next.serving, clientAuthority: next.clientAuthority })
        await next.admin?.(url)
      },
    },
    { clock, log, signal: stopping.signal },
    certificates,
  )
  log.info('Serving', { url })
  return {
    url,
    caPem: certificates.authority,
    adminKubeconfig,
    async close() {
      server.drain()
      stopping.abort(new Error('the server is closing'))
      await listener.close()
      await server.close()
      await auditor?.close()
      await compaction
      await rotation
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

async function authenticationOf(
  options: ApiServerOptions,
  server: { url: () => string; authority: string },
  clientAuthority: () => string,
) {
  const expiredNodes = { clientAuthority, windowMs: durationMs(options.nodeRecoveryWindow) }
  const serviceAccountMaxTokenMs = durationMs(options.serviceAccountMaxTokenExpiration)
  return await configureAuthentication({ ...options, serviceAccountMaxTokenMs, expiredNodes }, server)
}

function certificateOptions(options: ApiServerOptions) {
  return {
    ...options,
    certificateLifeMs: durationMs(options.certificateDuration),
    certificateBackdateMs: durationMs(options.certificateBackdate),
  }
}

function signingOptions(
  options: ApiServerOptions,
  certificates: () => ServerCertificates,
): ServerDeps['signing'] {
  return {
    authority: async () => certificates().signing,
    maxValidMs: durationMs(options.clusterSigningDuration),
    backdateMs: durationMs(options.certificateBackdate),
    reservedNames: servingHosts(options),
  }
}

function daemonDialer(certificates: () => ServerCertificates): ServerDeps['dialDaemon'] {
  if (certificates().daemonClient === undefined) return undefined
  return dialDaemon(() => {
    const { daemonClient, clientAuthority } = certificates()
    return { ca: clientAuthority, certificate: daemonClient?.certificate ?? '', key: daemonClient?.key ?? '' }
  })
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
