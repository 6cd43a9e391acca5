import type { Hypervisor, ObservedDomain } from '../hypervisor/hypervisor.ts'
import type { RunRecords } from '../machine/run-records.ts'

export interface DomainCensusDeps {
  readonly hypervisor: Pick<Hypervisor, 'listDomains'>
  readonly records: RunRecords
  /** Whether the API server has a run of this uid for this host. */
  readonly isRun: (uid: string) => boolean
  /** Called with the UUID of a domain that is ours by our records, while its run is not among ours. */
  readonly onOrphan: (uuid: string) => void
}

export interface CensusResult {
  /** Machines of ours that have a QEMU. */
  readonly machines: number
  /** Names of the domains that are not ours. */
  readonly unmanaged: readonly string[]
}

/** Counts the domains on the host and sorts ours from others'. */
export async function takeCensus(deps: DomainCensusDeps, signal: AbortSignal): Promise<CensusResult> {
  const domains = await deps.hypervisor.listDomains(signal)
  const unmanaged: string[] = []
  let machines = 0
  for (const domain of domains) {
    if (await isOurs(domain, deps)) {
      if (domain.owner !== undefined && !deps.isRun(domain.owner.uid)) deps.onOrphan(domain.uuid)
      if (domain.state !== 'shut-off' && domain.state !== 'crashed') machines += 1
    } else unmanaged.push(domain.name.slice(0, 253))
  }
  return { machines, unmanaged }
}

async function isOurs({ owner }: ObservedDomain, { isRun, records }: DomainCensusDeps): Promise<boolean> {
  return owner !== undefined && (isRun(owner.uid) || (await records.get(owner.uid)) !== undefined)
}
