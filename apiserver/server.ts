import type { Clock } from '../apimachinery/clock.ts'
import type { Logger } from '../apimachinery/log.ts'
import { hostLeaseNamespace } from '../crds/names.ts'
import type { Admission } from './admission/admission.ts'
import { connectAdmission } from './admission/admit-connect.ts'
import { AdmissionChain } from './admission/chain.ts'
import { admissionPlugins } from './admission/plugins.ts'
import type { Auditor } from './audit/auditor.ts'
import type { Authentication, AuthenticationDeps } from './authentication/authentication.ts'
import { tokenReviews } from './authentication/token-review.ts'
import type { Authorizer } from './authorization/authorizer.ts'
import { reconcileDefaultRoles } from './authorization/reconcile-roles.ts'
import { aggregationManager, RoleAggregation } from './authorization/role-aggregation.ts'
import { NodeGraph } from './authorization/node-graph.ts'
import { watchCache } from './cache/watch-cache.ts'
import { RequestController, type SigningOptions } from './certificates/signing/request-controller.ts'
import { consoleUpgrade, type ConsoleDeps } from './console/console-upgrade.ts'
import { hostHandlers } from './console/host-handlers.ts'
import type { ScreenshotDeps } from './console/screenshot.ts'
import { Discovery } from './discovery/discovery.ts'
import { Health, ping } from './discovery/health.ts'
import { ServerMetrics } from './discovery/metrics.ts'
import { startAggregation, type AggregationOptions } from './aggregation/start-aggregation.ts'
import { startFairness, type Fairness, type FairnessOptions } from './fairness/start-fairness.ts'
import { OpenApi } from './discovery/openapi.ts'
import { versionInfo } from './discovery/version.ts'
import { buildChain } from './filters/chain.ts'
import type { InFlightLimits } from './filters/in-flight-limit.ts'
import { ChunkPool } from './handlers/chunk-pool.ts'
import { dispatcher } from './handlers/dispatch.ts'
import { SharedLines } from './handlers/event-lines.ts'
import { Lister } from './handlers/list.ts'
import { LocalApi } from './handlers/local-api.ts'
import { reviewResources } from './handlers/review.ts'
import type { HandlerServices } from './handlers/services.ts'
import type { Handler } from './http/exchange.ts'
import type { Upgrade } from './http/listener.ts'
import { startLifecycle, type LifecycleDeps } from './lifecycle/lifecycle.ts'
import { builtInKinds } from './registry/builtin/kinds.ts'
import { namespaces, systemNamespaces } from './registry/builtin/namespaces.ts'
import { CrdPublisher } from './registry/crd/crd-publisher.ts'
import { NamespaceGate } from './registry/namespace-gate.ts'
import { ObjectStore } from './registry/object-store.ts'
import { keyOf } from './registry/resource-definition.ts'
import { ResourceMap } from './registry/resource-map.ts'
import { WebhookClients } from './webhook/webhook-clients.ts'
import type { Storage } from './storage/storage.ts'
import { fieldOwnership } from './registry/managed-fields.ts'
import { Tables } from './handlers/tables.ts'

export interface ServerDeps {
  readonly storage: Storage
  /** Made from the objects, because accounts are objects themselves. */
  readonly authentication: (deps: AuthenticationDeps) => Promise<Authentication>
  /** Made from the objects, because permissions are objects themselves. */
  readonly authorizer: (objects: ObjectStore, signal: AbortSignal, nodes: NodeGraph) => Promise<Authorizer>
  /** Opens a connection to a node daemon; undefined when there are no credentials for that. */
  readonly dialDaemon: ConsoleDeps['dial']
  /** Undefined: no audit log is kept. */
  readonly auditor?: Auditor | undefined
  /** How certificate requests are signed. */
  readonly signing: SigningOptions
  /** What is shown to servers behind this one. */
  readonly aggregation: Pick<AggregationOptions, 'credentials' | 'requestHeader'>
  readonly limits: InFlightLimits
  /** Share the sum of the limits out by FlowSchemas, instead of holding everybody to both. */
  readonly priorityAndFairness: boolean
  readonly requestTimeoutMs: number
  readonly release: string
  readonly clock: Clock
  readonly log: Logger
}

export interface Server {
  /** What answers requests. */
  readonly handler: Handler
  /** What takes over consoles. */
  readonly upgrade: Upgrade
  /** Writes of the server itself. */
  readonly local: LocalApi
  /** Reads again what could not be decrypted: there may be keys for it now. */
  rereadSealed(): void
  /** From now on `/readyz` fails, so that nobody sends new requests here. */
  drain(): void
  /** Stops background work; the storage stays open. */
  close(): Promise<void>
}

const ownManager = 'kvorum-apiserver'

/** Puts the API server together on a store, without the network. Resolves when it can answer. */
export async function buildServer(deps: ServerDeps): Promise<Server> {
  const { storage, clock, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const caches = watchCache({ storage, clock, log })
  const objects = new ObjectStore(storage, caches)
  const resources = builtInResources()

  const admission = new AdmissionChain()
  const services = servicesOf({ objects, admission, clock, log })
  const local = new LocalApi(services, ownManager, signal)
  await startUp(local, { objects, resources, clock, log, signal })

  const metrics = metricsOf(deps, resources)
  const nodes = await startNodeGraph({ objects, resources, log, signal })
  const authorizer = await deps.authorizer(objects, signal, nodes)
  admission.install(await admissionPlugins({ objects, resources, nodes, authorizer, clock, log, signal }))
  const authentication = await deps.authentication({ objects, clock, log, signal })
  const { authenticate, serviceAccounts } = authentication
  await authentication.start(local)
  await new RequestController(deps.signing, { objects, resources, authorizer, clock, log, signal }).start()
  const reviews = [...reviewResources(authorizer), tokenReviews(authentication)]
  const parts = { objects, resources, local, others: reviews, signal }
  const aggregator = await startAggregation({ ...deps.aggregation, ...parts, clock, log })
  const fairness = await fairnessOf(deps, { ...parts, metrics })
  let drained = false
  const health = healthOf(storage, { clock, draining: () => signal.aborted || drained })
  const ports = { ...consolePorts(admission, objects, resources), dial: deps.dialDaemon }
  const dispatch = dispatcher({
    services,
    lister: new Lister(services),
    resources,
    reviews,
    discovery: new Discovery(resources, reviews, aggregator),
    aggregator,
    health,
    metrics,
    version: versionInfo(deps.release),
    openApi: new OpenApi(resources, clock),
    actions: serviceAccounts.actions(services),
    onHosts: hostHandlers(ports),
    documents: serviceAccounts.documents,
  })
  return {
    upgrade: consoleUpgrade({ log, auditor: deps.auditor, authenticate, authorizer, ...ports }),
    handler: buildChain(dispatch, { ...deps, authenticate, authorizer, metrics, fairness }),
    local,
    rereadSealed: () => objects.rereadSealed(),
    drain: () => void (drained = true),
    async close() {
      stopping.abort(new Error('the server is closing'))
      await caches.close()
    },
  }
}

function builtInResources(): ResourceMap {
  const resources = new ResourceMap()
  resources.publish('built-in', builtInKinds)
  return resources
}

async function startNodeGraph(deps: ConstructorParameters<typeof NodeGraph>[0]): Promise<NodeGraph> {
  const nodes = new NodeGraph(deps)
  await nodes.start()
  return nodes
}

function metricsOf({ auditor }: ServerDeps, resources: ResourceMap): ServerMetrics {
  const metrics = new ServerMetrics(auditor?.metrics)
  metrics.knowResources(
    ({ group, version, resource }) => resources.find(group, version, resource) !== undefined,
  )
  return metrics
}

async function fairnessOf(
  { priorityAndFairness, limits, requestTimeoutMs, clock, log }: ServerDeps,
  parts: Pick<FairnessOptions, 'objects' | 'resources' | 'local' | 'signal'> & { metrics: ServerMetrics },
): Promise<Fairness | undefined> {
  const totalSeats = limits.reading + limits.mutating
  if (!priorityAndFairness || totalSeats === 0) return undefined
  const { registry } = parts.metrics
  return await startFairness({ ...parts, registry, totalSeats, requestTimeoutMs, clock, log })
}

function servicesOf(deps: Pick<HandlerServices, 'objects' | 'admission' | 'clock' | 'log'>): HandlerServices {
  return {
    ...deps,
    namespaces: new NamespaceGate(deps.objects, namespaces),
    ownership: fieldOwnership,
    tables: new Tables(deps.clock),
    lines: new SharedLines(),
    chunks: new ChunkPool(),
  }
}

/** Reads Kvorum's own objects for the console, whatever versions are served, and asks admission about connections. */
function consolePorts(
  admission: Admission,
  objects: ObjectStore,
  resources: ResourceMap,
): Pick<ScreenshotDeps, 'admit' | 'read'> {
  return {
    admit: connectAdmission(admission, resources),
    async read(plural, { namespace = '', name }, signal) {
      const definition = resources.find('kvorum.dev', 'v1alpha1', plural)
      if (!definition) return undefined
      const item = await objects.read(definition, keyOf(definition, namespace, name), undefined, signal)
      return item?.object
    },
  }
}

/** Makes what has to be there before the first request, and starts what works in the background from then on. */
async function startUp(local: LocalApi, deps: LifecycleDeps): Promise<void> {
  await bootstrap(local)
  await new RoleAggregation({ ...deps, local: local.as(aggregationManager) }).start()
  const webhooks = new WebhookClients(deps.clock)
  deps.signal.addEventListener('abort', () => webhooks.close(), { once: true })
  await new CrdPublisher({ ...deps, webhooks }).start()
  await startLifecycle(deps)
}

async function bootstrap(local: LocalApi): Promise<void> {
  for (const name of [...systemNamespaces, hostLeaseNamespace]) {
    await local.createIfMissing(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  await reconcileDefaultRoles(local)
}

function healthOf(storage: Storage, { clock, draining }: { clock: Clock; draining: () => boolean }): Health {
  const etcd = {
    name: 'etcd',
    check: async (signal: AbortSignal) => void (await storage.currentRevision(signal)),
  }
  const shutdown = {
    name: 'shutdown',
    check: async () => {
      if (draining()) throw new Error('the server is shutting down')
    },
  }
  return new Health({ live: [ping, etcd], ready: [shutdown] }, clock)
}
