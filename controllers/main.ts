import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Client } from '../apimachinery/client/client.ts'
import { loadConfig } from '../apimachinery/client/config.ts'
import { type EventRecorder, eventRecorder } from '../apimachinery/client/event-recorder.ts'
import { httpClient } from '../apimachinery/client/http-client.ts'
import type { Informer } from '../apimachinery/client/informer.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { jsonLogger, type Logger } from '../apimachinery/log.ts'
import { processRegistry } from '../apimachinery/metrics.ts'
import { version } from '../apimachinery/version.ts'
import type { KubeObject } from '../crds/meta/object-meta.ts'
import { hostLeaseNamespace } from '../crds/v1alpha1/host.ts'
import { apiCalls } from './api-calls.ts'
import { openInformers } from './caches.ts'
import { controllerList } from './controller-list.ts'
import { startHealthServer } from './health-server.ts'
import { ensureNamespaces } from './namespaces.ts'
import { type ControllersOptions, helpText, parseOptions } from './options.ts'
import { reconcilers } from './reconcilers.ts'
import { type ControllerMetrics, controllerMetrics } from './runtime/controller-metrics.ts'
import { type Manager, startManager } from './runtime/manager.ts'
import { sharedState } from './shared-state.ts'

export interface ControllersDeps {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
}

export interface RunningControllers {
  /** Port of `/healthz`, `/readyz` and `/metrics` on 127.0.0.1. */
  readonly metricsPort: number
  /** Resolves when the controllers work for the first time: it may take until another process lets go. */
  readonly working: Promise<void>
  /** Resolves after `stop`; rejects when they cannot go on. */
  readonly done: Promise<void>
  /** Ends passes under way, leadership and the health server, in this order. The client is the caller's. */
  stop(): Promise<void>
}

// Longer than any watch is silent: servers send a bookmark at least once a minute.
const deafMs = 180_000

/** Runs every controller until stopped. */
export async function startControllers(
  options: ControllersOptions,
  deps: ControllersDeps,
): Promise<RunningControllers> {
  const registry = processRegistry()
  const metrics = controllerMetrics(registry)
  const events = eventRecorder({
    ...deps,
    reportingController: 'kvorum.dev/controllers',
    instance: hostname(),
  })
  const stopped = new AbortController()
  const working = Promise.withResolvers<void>()
  working.promise.catch(() => {})
  let term: Term | undefined
  const health = await startHealthServer(options.metricsPort, {
    registry,
    isReady: () => term?.informers.every(isFollowing) ?? false,
  })

  const serve = async () => {
    try {
      await ensureNamespaces(namespacesOf(options), deps, stopped.signal)
      while (!stopped.signal.aborted) {
        term = startTerm(options, { ...deps, events, metrics })
        term.manager.running.then(working.resolve, () => {})
        await untilOver(term.manager, stopped.signal, deps.log)
      }
    } catch (error) {
      if (!stopped.signal.aborted) throw error
    } finally {
      working.reject(new Error('the controllers were stopped'))
      await events.close()
      await health.close()
    }
  }
  const done = serve()
  done.catch(() => {})
  return {
    metricsPort: health.port,
    working: working.promise,
    done,
    async stop() {
      stopped.abort(new Error('the controllers were stopped'))
      await done
    },
  }
}

interface Term {
  readonly manager: Manager
  readonly informers: readonly Informer<KubeObject>[]
}

/** From the wait for leadership to its loss: nothing that is remembered in one term is carried into the next. */
function startTerm(
  { leaderElection }: ControllersOptions,
  deps: ControllersDeps & { readonly events: EventRecorder; readonly metrics: ControllerMetrics },
): Term {
  const informers = openInformers(deps)
  const state = sharedState(informers, deps.clock)
  // Before any controller looks: what is promised on a host is known when the first run is placed.
  informers.instances.onChange(({ key, after }) => state.placements.observe(key, after))
  const all: Informer<KubeObject>[] = Object.values(informers)
  const manager = startManager({
    runtime: deps,
    informers: all,
    controllers: controllerList(informers, reconcilers(informers, apiCalls(deps.client), state), state),
    ...(leaderElection && {
      leaderElection: { ...leaderElection, identity: `${hostname()}_${randomUUID()}` },
    }),
  })
  return { manager, informers: all }
}

async function untilOver(manager: Manager, stopped: AbortSignal, log: Logger): Promise<void> {
  const stop = () => void manager.stop()
  stopped.addEventListener('abort', stop, { once: true })
  try {
    await manager.done
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'LeadershipLostError') throw error
    log.warn('Leadership was lost, waiting for the next turn', { error })
  } finally {
    stopped.removeEventListener('abort', stop)
  }
}

function isFollowing(informer: Informer<KubeObject>): boolean {
  const { synced, silentMs } = informer.health()
  return synced && silentMs < deafMs
}

function namespacesOf({ leaderElection }: ControllersOptions): string[] {
  return [hostLeaseNamespace, ...(leaderElection ? [leaderElection.namespace] : [])]
}

/** The program: runs until `signal` is aborted. Throws UsageError and ConfigError. */
export async function main(argv: readonly string[], signal: AbortSignal): Promise<void> {
  if (argv.includes('--help')) {
    process.stdout.write(helpText())
    return
  }
  const options = parseOptions(argv)
  const log = jsonLogger(options.logLevel, { program: 'controllers' })
  const config = loadConfig({ kubeconfig: options.kubeconfig, context: options.context })
  const client = httpClient(config, { userAgent: `kvorum-controllers/${version}` })
  const controllers = await startControllers(options, { client, clock: systemClock, log })
  log.info('Started', { server: config.server, metricsPort: controllers.metricsPort })
  controllers.working.then(
    () => log.info('Working'),
    () => {},
  )
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    await Promise.race([aborted, controllers.done])
    log.info('Stopping')
    await controllers.stop()
  } finally {
    await client.close()
  }
}
