import type { Informer } from '../../apimachinery/client/informer.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import type { ControllerRuntime, RunningController } from './controller.ts'

export interface ManagerOptions {
  readonly runtime: ControllerRuntime
  /** Started first and stopped last. */
  readonly informers: readonly Informer<KubeObject>[]
  /** Started in this order once every informer has synced and this process leads; usually calls of `startController`. */
  readonly controllers: readonly ((runtime: ControllerRuntime) => RunningController)[]
  /** Left out, the process does not ask before it leads. */
  readonly leaderElection?: { readonly namespace: string; readonly name: string; readonly identity: string }
}

export interface Manager {
  /** Resolves when the controllers run: at once after the informers synced, or when leadership is won. */
  readonly running: Promise<void>
  /** Resolves when the manager has stopped: by `stop`, or because leadership was lost (then it rejects). */
  readonly done: Promise<void>
  /** Controllers first, in reverse order, each drained; then leadership is released; then the informers. */
  stop(): Promise<void>
}

export declare function startManager(options: ManagerOptions): Manager
