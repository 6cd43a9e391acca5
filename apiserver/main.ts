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
import { WebhookAuthorizer } from './authorization/webhook-authorizer.ts'
import { aggregationOf } from './aggregation/aggregation-flags.ts'
import type { ObjectStore } from './registry/object-store.ts'
import { FreshCertificates, type CertificateUse } from './certificates/fresh-certificates.ts'
import { ensureServerCertificates, servingHosts } from './certificates/server-certificates.ts'
import { dialDaemon } from './console/daemon-address.ts'
import { listen, type Listener } from './http/listener.ts'
import { installCrds } from './registry/crd/install-crds.ts'
import { durationMs, helpText, parseOptions, type ApiServerOptions } from './options.ts'
import { buildServer, type ServerDeps } from './server.ts'
import { runCompactor } from './storage/compactor.ts'
import { connectEtcd } from './storage/etcd/etcd-flags.ts'
import { WebhookClient } from './webhook/webhook-client.ts'
import { endpointFromKubeconfig } from './webhook/webhook-endpoint.ts'
import type { EncryptionConfigFile } from './storage/encrypted/config-file.ts'
import { openEncrypted } from './storage/encrypted/open-encrypted.ts'
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
  const certificates = await loadCertificates(options, clock)
  const connected = given ?? (await connectEtcd(options, { clock, log }))
  const { storage, file } = await openEncrypted(connected, options.encryptionProviderConfig)
  const stopping = new AbortController()
  const auditor = await openAuditor(options, { clock, log })
  const server = await buildServer({
    storage,
    auditor,
    authentication: await authenticationOf(options, certificates, () => url),
    authorizer: authorizerOf(options, clock),
    ...limitsOf(options),
    aggregation: await aggregationOf(options, () => certificates.current.clientAuthority),
    dialDaemon: daemonDialer(certificates),
    signing: signingOptions(options, certificates),
    release,
    clock,
    log,
  })
  if (options.installCrds !== undefined) await installCrds(options.installCrds, server.local)
  // Starting leaves as much garbage as it leaves memory in use; now nobody has to wait while it goes.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  const { serving, clientAuthority } = certificates.current
  const { bindAddress: host, securePort: port, compression } = options
  const listening = { ...serving, clientAuthority, host, port, compression, clock, log }
  const listener = await listen(listening, server.handler, server.upgrade)
  const { signal } = stopping
  const onChange = () => server.rereadSealed()
  const compaction = compact(options, { storage, clock, log }, signal)
  const reloading = reload(options, file, { clock, log, onChange }, signal)
  const url = `https://${hostText(options.externalHostname ?? options.bindAddress)}:${listener.port}`
  const adminKubeconfig = await certificates.current.admin?.(url)
  const rotation = certificates.keep(swap(listener, url), { clock, log, signal })
  log.info('Serving', { url })
  return {
    url,
    caPem: certificates.current.authority,
    adminKubeconfig,
    async close() {
      server.drain()
      stopping.abort(new Error('the server is closing'))
      await listener.close()
      await server.close()
      await auditor?.close()
      await Promise.all([compaction, reloading, rotation])
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

function authorizerOf(options: ApiServerOptions, clock: Clock) {
  return async (objects: ObjectStore, signal: AbortSignal, nodes: NodeGraph): Promise<Authorizer> =>
    await authorizerOfModes(options.authorizationMode, {
      async RBAC() {
        const rbac = new RbacAuthorizer(objects, signal)
        await rbac.start()
        return rbac
      },
      async Node() {
        return new NodeAuthorizer(nodes, objects)
      },
      async Webhook() {
        return new WebhookAuthorizer({
          client: new WebhookClient(
            endpointFromKubeconfig(options.authorizationWebhookConfigFile ?? ''),
            clock,
          ),
          authorizedTtlMs: durationMs(options.authorizationWebhookCacheAuthorizedTtl),
          unauthorizedTtlMs: durationMs(options.authorizationWebhookCacheUnauthorizedTtl),
          clock,
        })
      },
    })
}

async function authenticationOf(
  options: ApiServerOptions,
  certificates: FreshCertificates,
  url: () => string,
) {
  const serviceAccountMaxTokenMs = durationMs(options.serviceAccountMaxTokenExpiration)
  const authenticationTokenWebhookCacheMs = durationMs(options.authenticationTokenWebhookCacheTtl)
  const expiredNodes = {
    clientAuthority: () => certificates.current.clientAuthority,
    windowMs: durationMs(options.nodeRecoveryWindow),
  }
  return await configureAuthentication(
    { ...options, serviceAccountMaxTokenMs, authenticationTokenWebhookCacheMs, expiredNodes },
    { url, authority: certificates.current.authority },
  )
}

/** New connections meet the new certificates; those that are open stay as they are. */
function swap(listener: Listener, url: string): CertificateUse {
  return {
    use: ({ serving, clientAuthority }) => listener.useCertificates({ ...serving, clientAuthority }),
    // The administrator's certificate comes to its end by itself.
    look: async ({ admin }) => void (await admin?.(url)),
  }
}

function loadCertificates(options: ApiServerOptions, clock: Clock): Promise<FreshCertificates> {
  const own = {
    ...options,
    certificateLifeMs: durationMs(options.certificateDuration),
    certificateBackdateMs: durationMs(options.certificateBackdate),
  }
  return FreshCertificates.load(() => ensureServerCertificates(own, clock))
}

function signingOptions(options: ApiServerOptions, certificates: FreshCertificates): ServerDeps['signing'] {
  return {
    authority: async () => certificates.current.signing,
    maxValidMs: durationMs(options.clusterSigningDuration),
    backdateMs: durationMs(options.certificateBackdate),
    reservedNames: servingHosts(options),
  }
}

function daemonDialer(certificates: FreshCertificates): ServerDeps['dialDaemon'] {
  if (certificates.current.daemonClient === undefined) return undefined
  return dialDaemon(() => {
    const { daemonClient, clientAuthority } = certificates.current
    return { ca: clientAuthority, certificate: daemonClient?.certificate ?? '', key: daemonClient?.key ?? '' }
  })
}

function limitsOf(
  options: ApiServerOptions,
): Pick<ServerDeps, 'limits' | 'priorityAndFairness' | 'requestTimeoutMs'> {
  return {
    limits: { reading: options.maxRequestsInflight, mutating: options.maxMutatingRequestsInflight },
    priorityAndFairness: options.enablePriorityAndFairness === 'true',
    requestTimeoutMs: durationMs(options.requestTimeout),
  }
}

async function compact(
  { etcdCompactionInterval }: ApiServerOptions,
  deps: { storage: Storage; clock: Clock; log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const intervalMs = durationMs(etcdCompactionInterval)
  if (intervalMs > 0) await runCompactor({ ...deps, intervalMs }, signal)
}

async function reload(
  { encryptionProviderConfigAutomaticReload: wanted }: ApiServerOptions,
  file: EncryptionConfigFile | undefined,
  deps: { clock: Clock; log: Logger; onChange: () => void },
  signal: AbortSignal,
): Promise<void> {
  if (wanted === 'true') await file?.follow(deps, signal)
}

/** IPv6 addresses stand in brackets in URLs; the wildcard is reached as this machine. */
function hostText(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
