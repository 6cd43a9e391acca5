import type { Stored } from '../../crds/meta/object-meta.ts'
import type { HostCluster } from '../../crds/v1alpha1/host-cluster.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import type { Demand } from '../instances.ts'

/** What a run needs of its host, gathered from it and from the objects that it names. */
export interface PlacementRequest {
  readonly demand: Demand
  readonly cluster: HostCluster
  readonly hostSelector: Readonly<Record<string, string>>
  /** Hosts that hold a disk which cannot be elsewhere. */
  readonly diskHosts: ReadonlySet<string>
  /** Hosts that alone can get an image from which a disk is yet to be made. */
  readonly imageHosts: ReadonlySet<string>
  /** Hosts that hold such an image already, where any other would have to fetch it first. */
  readonly nearImages: ReadonlySet<string>
  readonly storageDomains: ReadonlySet<string>
  readonly networks: ReadonlySet<string>
}

/** A host as the scheduler sees it: with everything that was promised to runs, just now included. */
export interface Candidate {
  readonly host: Stored<Host>
  readonly promised: Demand
}

/** Why a host does not fit, after "1 host" and after "3 hosts": "is not ready", "are not ready". */
export interface Misfit {
  readonly one: string
  readonly many: string
}

/** One reason for which a host may be left out; undefined when it does not apply. */
export type Filter = (request: PlacementRequest, candidate: Candidate) => Misfit | undefined

/** How good a host that fits is, from 0 to 1. */
export type Weight = (request: PlacementRequest, candidate: Candidate) => number

/** What a host may promise in all, its cluster's overcommit included. */
export function promisable({ cluster }: PlacementRequest, { host }: Candidate): Demand {
  const { cpus = 0, memoryBytes = 0 } = host.status?.allocatable ?? {}
  const { cpuPercent, memoryPercent } = cluster.spec.overcommit
  return {
    cpus: Math.floor((cpus * cpuPercent) / 100),
    memoryBytes: Math.floor((memoryBytes * memoryPercent) / 100),
  }
}
