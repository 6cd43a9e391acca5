import { unlessAborted } from '../../apimachinery/client/unless-aborted.ts'
import type { Informer } from '../../apimachinery/client/informer.ts'
import { startLeaderElection } from '../../apimachinery/leader-election.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import type { ControllerRuntime, RunningController } from './controller.ts'

export interface ManagerOptions {
  readonly runtime: ControllerRuntime
  /** Started first and stopped last. */
  readonly informers: readonly Informer<KubeObject>[]
  /** Started in this order once every informer has synced and this process leads; usually calls of `startController`. */
  readonly controllers: readonly ((runtime: ControllerRuntime) => RunningController)[]
  /** Left out, the process does not ask before it leads. */
  readonly leaderElection?: {
    readonly namespace: string
    readonly name: string
    /** Of this process and of no other, before or after it. */
    readonly identity: string
    /** A whole number of seconds, after which another process takes over from one that is gone. Default 10 s. */
    readonly leaseDurationMs?: number
    readonly renewDeadlineMs?: number
    readonly retryPeriodMs?: number
  }
}

export interface Manager {
  /** Resolves when the controllers run: at once after the informers synced, or when leadership is won. */
  readonly running: Promise<void>
  /**
   * Resolves after `stop`. Rejects with a LeadershipLostError when another process may lead: the controllers have
   * stopped, and to lead again takes a new manager with controllers that remember nothing.
   */
  readonly done: Promise<void>
  /** Controllers first, all drained; then leadership is released; then the informers. */
  stop(): Promise<void>
}

/** Begins at once. */
export function startManager(options: ManagerOptions): Manager {
  const stopped = new AbortController()
  const running = Promise.withResolvers<void>()
  running.promise.catch(() => {})
  const done = run(options, stopped.signal, running.resolve)
  done.then(() => running.reject(new Error('the manager stopped')), running.reject)
  return {
    running: running.promise,
    done,
    async stop() {
      stopped.abort(new Error('the manager was stopped'))
      await done.catch(() => {})
    },
  }
}

async function run(options: ManagerOptions, stopped: AbortSignal, started: () => void): Promise<void> {
  const { informers, leaderElection } = options
  try {
    for (const informer of informers) informer.start()
    await synced(informers, stopped)
    if (stopped.aborted) return
    if (leaderElection === undefined) return await runControllers(options, stopped, started)
    await lead(options, leaderElection, { stopped, started })
  } finally {
    for (const informer of informers.toReversed()) await informer.stop()
  }
}

async function synced(informers: readonly Informer<KubeObject>[], stopped: AbortSignal): Promise<void> {
  try {
    await Promise.all(informers.map((informer) => informer.synced(stopped)))
  } catch (error) {
    if (!stopped.aborted) throw error
  }
}

async function lead(
  { runtime, ...options }: ManagerOptions,
  leaderElection: NonNullable<ManagerOptions['leaderElection']>,
  { stopped, started }: { stopped: AbortSignal; started: () => void },
): Promise<void> {
  const { client, clock, log } = runtime
  const elector = startLeaderElection({
    ...leaderElection,
    client,
    clock,
    log,
    ...(runtime.random && { random: runtime.random }),
    onStartedLeading: (term) => runControllers({ runtime, ...options }, term, started, stopped),
  })
  const stop = () => void elector.stop()
  stopped.addEventListener('abort', stop, { once: true })
  if (stopped.aborted) stop()
  await elector.done
}

/** Until `ended` is aborted; passes under way are drained when that was asked for, and cut short otherwise. */
async function runControllers(
  { runtime, controllers }: ManagerOptions,
  ended: AbortSignal,
  started: () => void,
  asked: AbortSignal = ended,
): Promise<void> {
  const running: RunningController[] = []
  try {
    for (const start of controllers) running.push(start(runtime))
    started()
    await unlessAborted(new Promise<never>(() => {}), ended).catch(() => {})
  } finally {
    // None may begin anything new while another is still ending.
    const stop = { abort: !asked.aborted }
    await Promise.all(running.toReversed().map((controller) => controller.stop(stop)))
  }
}
