import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** How a pass ended, as the label `result`. */
export type PassResult = 'done' | 'retry' | 'stalled' | 'conflict' | 'stale' | 'error'

/** Registered once per process and shared by its controllers. */
export interface ControllerMetrics {
  readonly passes: Counter<'controller' | 'result'>
  readonly passSeconds: Histogram<'controller'>
  readonly queueDepth: Gauge<'controller'>
  readonly queueRetries: Counter<'controller'>
}

export function controllerMetrics(registry: Registry): ControllerMetrics {
  const registers = [registry]
  return {
    passes: new Counter({
      name: 'kvorum_reconcile_total',
      help: 'Passes over objects, by how they ended.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    passSeconds: new Histogram({
      name: 'kvorum_reconcile_seconds',
      help: 'Time that a pass took.',
      labelNames: ['controller'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    }),
    queueDepth: new Gauge({
      name: 'kvorum_workqueue_depth',
      help: 'Objects that wait for a worker.',
      labelNames: ['controller'],
      registers,
    }),
    queueRetries: new Counter({
      name: 'kvorum_workqueue_retries_total',
      help: 'Passes that are repeated with back-off after a failure.',
      labelNames: ['controller'],
      registers,
    }),
  }
}
