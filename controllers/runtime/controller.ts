import type { Client } from '../../apimachinery/client/client.ts'
import type { EventRecorder } from '../../apimachinery/client/event-recorder.ts'
import type { Change, Informer } from '../../apimachinery/client/informer.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../../apimachinery/log.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import type { ControllerMetrics } from './controller-metrics.ts'
import type { Reconciler } from './reconciler.ts'

/** What every controller of a program shares. */
export interface ControllerRuntime {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly metrics: ControllerMetrics
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
export declare function watchOwned<T extends KubeObject>(
  informer: Informer<T>,
  owner: { readonly group: string; readonly kind: string; readonly namespaced: boolean },
): SecondaryWatch

/** Wakes the objects whose keys `map` names for a change; both the old and the new state are there to be asked. */
export declare function watchMapped<T extends KubeObject>(
  informer: Informer<T>,
  map: (change: Change<T>) => Iterable<string>,
): SecondaryWatch

export interface RunningController {
  readonly name: string
  /** Looks at an object soon, whether or not it changed. */
  enqueue(key: string): void
  /** Takes in nothing more, lets passes that are under way end, and resolves then. */
  stop(): Promise<void>
}

/** Begins at once; the informers are the caller's to start and to wait for. */
export declare function startController<T extends KubeObject>(
  spec: ControllerSpec<T>,
  runtime: ControllerRuntime,
): RunningController
