import { randomUUID } from 'node:crypto'
import { type Client, keyOf } from '../../apimachinery/client/client.ts'
import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import type { Change, Informer } from '../../apimachinery/client/informer.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import { hasReason } from '../../apimachinery/status-error.ts'
import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import type { ControllerMetrics, PassResult } from './controller-metrics.ts'
import { OwnWrites } from './own-writes.ts'
import { type PassEnd, reconcilePass } from './reconcile-pass.ts'
import type { Reconciler } from './reconciler.ts'
import { WorkQueue } from './work-queue.ts'

/** What every controller of a program shares. */
export interface ControllerRuntime {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly metrics: ControllerMetrics
  /** Between 0 and 1, for the jitter of back-offs. */
  readonly random?: () => number
}

/** One controller: which objects it drives, how, and what else wakes it. */
export interface ControllerSpec<T extends KubeObject> {
  readonly reconciler: Reconciler<T>
  /** Where the objects come from; every change of one is a reason to look at it. */
  readonly informer: Informer<T>
  /** Other objects whose changes are a reason to look at ours: `watchOwned`, `watchMapped`. */
  readonly watches?: readonly SecondaryWatch[]
  /** Objects worked on at the same time; one object never is by two. Default 4. */
  readonly concurrency?: number
}

/** Calls `enqueue` with the keys of our objects that a change of another object concerns. */
export interface SecondaryWatch {
  subscribe(enqueue: (key: string) => void): () => void
}

/** Wakes the controlling owner, when it is of `owner`'s kind, of every object that changes. */
export function watchOwned<T extends KubeObject>(
  informer: Informer<T>,
  owner: { readonly group: string; readonly kind: string; readonly namespaced: boolean },
): SecondaryWatch {
  const ownerKey = (object: Stored<T> | undefined): string | undefined => {
    const found = object?.metadata.ownerReferences?.find(({ controller }) => controller === true)
    const [group = ''] = found?.apiVersion.includes('/') ? found.apiVersion.split('/') : []
    if (found?.kind !== owner.kind || group !== owner.group) return undefined
    const namespace = owner.namespaced ? object?.metadata.namespace : undefined
    return keyOf({ name: found.name, ...(namespace !== undefined && { namespace }) })
  }
  return watchMapped(informer, ({ before, after }) => {
    const keys = new Set([ownerKey(before), ownerKey(after)])
    return [...keys].filter((key) => key !== undefined)
  })
}

/** Wakes the objects whose keys `map` names for a change; both the old and the new state are there to be asked. */
export function watchMapped<T extends KubeObject>(
  informer: Informer<T>,
  map: (change: Change<T>) => Iterable<string>,
): SecondaryWatch {
  return {
    subscribe: (enqueue) =>
      informer.onChange((change) => {
        for (const key of map(change)) enqueue(key)
      }),
  }
}

export interface RunningController {
  readonly name: string
  /** Looks at an object soon, whether or not it changed. */
  enqueue(key: string): void
  /**
   * Takes in nothing more, lets passes that are under way end, and resolves then. Passes are told to end by their
   * signal after ten seconds, or at once with `abort`.
   */
  stop(options?: { readonly abort?: boolean }): Promise<void>
}

/** Begins at once; the informers are the caller's to start and to wait for. */
export function startController<T extends KubeObject>(
  spec: ControllerSpec<T>,
  runtime: ControllerRuntime,
): RunningController {
  const controller = new Controller(spec, runtime)
  controller.start()
  return controller
}

const defaultConcurrency = 4
const drainMs = 10_000

class Controller<T extends KubeObject> implements RunningController {
  readonly name: string
  readonly #spec: ControllerSpec<T>
  readonly #runtime: ControllerRuntime
  readonly #log: Logger
  readonly #queue: WorkQueue
  readonly #ownWrites: OwnWrites
  readonly #aborted = new AbortController()
  #unsubscribe: (() => void)[] = []

  constructor(spec: ControllerSpec<T>, runtime: ControllerRuntime) {
    this.name = spec.reconciler.name
    this.#spec = spec
    this.#runtime = runtime
    this.#log = runtime.log.child({ controller: this.name })
    this.#ownWrites = new OwnWrites(runtime.clock)
    const depth = runtime.metrics.queueDepth.labels({ controller: this.name })
    this.#queue = new WorkQueue({
      clock: runtime.clock,
      concurrency: spec.concurrency ?? defaultConcurrency,
      work: (key) =>
        this.#look(key).catch((error: unknown) => this.#follow(key, { next: 'failed', error }, this.#log)),
      onDepth: (waiting) => depth.set(waiting),
      ...(runtime.random && { random: runtime.random }),
    })
  }

  start(): void {
    const enqueue = (key: string) => this.enqueue(key)
    this.#unsubscribe = [
      this.#spec.informer.onChange(({ key, after }) => {
        this.#ownWrites.seen(key, after?.metadata.resourceVersion)
        this.#queue.add(key)
      }),
      ...(this.#spec.watches ?? []).map((watch) => watch.subscribe(enqueue)),
    ]
  }

  enqueue(key: string): void {
    this.#queue.add(key)
  }

  async stop(options: { readonly abort?: boolean } = {}): Promise<void> {
    for (const off of this.#unsubscribe.splice(0)) off()
    const abort = () => this.#aborted.abort(new Error(`the controller ${this.name} is stopping`))
    if (options.abort) abort()
    const cancel = this.#runtime.clock.after(drainMs, abort)
    await this.#queue.close()
    cancel()
  }

  async #look(key: string): Promise<void> {
    const object = this.#spec.informer.get(key)
    if (object === undefined) return this.#queue.forget(key)
    const waitMs = this.#ownWrites.waitMs(key, object.metadata.resourceVersion)
    if (waitMs > 0) {
      // The event with our write wakes us; the timer covers its loss.
      this.#queue.addAfter(key, waitMs)
      return this.#count('stale')
    }
    await this.#pass(key, object)
  }

  async #pass(key: string, object: Stored<T>): Promise<void> {
    const { client, clock, events, metrics } = this.#runtime
    const { reconciler, informer } = this.#spec
    const log = this.#log.child({ object: key, reconcileID: randomUUID() })
    const began = clock.monotonic()
    const deps = { reconciler, resource: informer.resource, client }
    const ctx = { log, clock, events, signal: this.#aborted.signal }
    const { ended, written } = await reconcilePass(deps, ctx, object)
    if (written !== undefined) this.#ownWrites.wrote(key, written)
    this.#ownWrites.seen(key, informer.get(key)?.metadata.resourceVersion)
    metrics.passSeconds.labels({ controller: this.name }).observe((clock.monotonic() - began) / 1000)
    this.#follow(key, ended, log)
  }

  #follow(key: string, ended: PassEnd['ended'], log: Logger): void {
    switch (ended.next) {
      case 'continue':
      case 'stop':
        this.#queue.forget(key)
        return this.#count('done')
      case 'stalled':
        this.#queue.forget(key)
        return this.#count('stalled')
      case 'retry':
        this.#queue.forget(key)
        this.#queue.addAfter(key, ended.afterMs)
        return this.#count('retry')
      case 'conflict':
        this.#queue.retry(key)
        return this.#count('conflict')
      case 'failed':
        this.#report(ended.error, log)
        this.#queue.retry(key)
        this.#runtime.metrics.queueRetries.labels({ controller: this.name }).inc()
        return this.#count('error')
    }
  }

  #report(error: unknown, log: Logger): void {
    if (this.#aborted.signal.aborted) return log.debug('Pass was ended by the stop', { error })
    if (hasReason(error, 'ServiceUnavailable', 'Timeout', 'TooManyRequests')) {
      return log.warn('Pass failed, the API server cannot be reached', { error })
    }
    log.error('Pass failed', { error })
  }

  #count(result: PassResult): void {
    this.#runtime.metrics.passes.labels({ controller: this.name, result }).inc()
  }
}
