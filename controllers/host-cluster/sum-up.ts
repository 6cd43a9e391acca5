import { isTrue, setCondition } from '../../apimachinery/conditions.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type HostCluster, HostClusterReady } from '../../crds/v1alpha1/host-cluster.ts'
import { type Host, HostReady } from '../../crds/v1alpha1/host.ts'
import { proceed, type Step } from '../runtime/reconciler.ts'
import type { HostUsage } from '../placements.ts'
import { counted } from '../sentences.ts'

export interface SumUpDeps {
  readonly hostsOf: (cluster: string) => readonly Stored<Host>[]
  readonly usageOf: (hostName: string) => HostUsage
}

/** Counts hosts and machines and adds up what there is and what is promised. Owns the condition Ready. */
export function sumUp({ hostsOf, usageOf }: SumUpDeps): Step<HostCluster> {
  return (ctx, cluster) => {
    const hosts = hostsOf(cluster.metadata.name)
    const ready = hosts.filter((host) => isTrue(host, HostReady))
    const usages = hosts.map((host) => usageOf(host.metadata.name))
    cluster.status = {
      ...cluster.status,
      hosts: { total: hosts.length, ready: ready.length },
      machines: usages.reduce((sum, { machines }) => sum + machines, 0),
      allocatable: total(ready.map(({ status }) => status?.allocatable ?? { cpus: 0, memoryBytes: 0 })),
      allocated: total(usages),
    }
    setCondition(cluster, ctx.clock, { type: HostClusterReady, ...readiness(hosts.length, ready.length) })
    return Promise.resolve(proceed)
  }
}

function total(parts: readonly { cpus: number; memoryBytes: number }[]): {
  cpus: number
  memoryBytes: number
} {
  return {
    cpus: parts.reduce((sum, { cpus }) => sum + cpus, 0),
    memoryBytes: parts.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
  }
}

function readiness(hosts: number, ready: number) {
  if (hosts === 0) {
    return { status: 'False', reason: 'NoHosts', message: 'No host names this cluster' } as const
  }
  const message = `${ready} of ${counted(hosts, 'host')} ready`
  return ready === 0
    ? ({ status: 'False', reason: 'NoReadyHosts', message } as const)
    : ({ status: 'True', reason: 'HostsReady', message } as const)
}
