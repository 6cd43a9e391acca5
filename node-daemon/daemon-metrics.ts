import { Counter, Histogram, type Registry } from 'prom-client'

/** Registered once per daemon. */
export interface DaemonMetrics {
  readonly passes: Counter<'loop' | 'result'>
  readonly passSeconds: Histogram<'loop'>
  readonly starts: Counter<'result'>
  readonly startSeconds: Histogram
  readonly leaseRenewals: Counter<'result'>
}

export function daemonMetrics(registry: Registry): DaemonMetrics {
  const registers = [registry]
  return {
    passes: new Counter({
      name: 'kvorum_node_passes_total',
      help: 'Passes of the daemon over machines, disks, images and attachments, by how they ended.',
      labelNames: ['loop', 'result'],
      registers,
    }),
    passSeconds: new Histogram({
      name: 'kvorum_node_pass_seconds',
      help: 'Time that a pass took.',
      labelNames: ['loop'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    }),
    starts: new Counter({
      name: 'kvorum_node_machine_starts_total',
      help: 'Attempts to start a machine, by result.',
      labelNames: ['result'],
      registers,
    }),
    startSeconds: new Histogram({
      name: 'kvorum_node_machine_start_seconds',
      help: 'Time from the decision to start a machine until it runs.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    leaseRenewals: new Counter({
      name: 'kvorum_node_lease_renewals_total',
      help: "Renewals of the host's lease, by result.",
      labelNames: ['result'],
      registers,
    }),
  }
}
