import type { DomainSpec, ObservedDomain } from './hypervisor.ts'
import { HypervisorError } from './hypervisor.ts'

/** Throws `conflict` when the domain on the host is not the run that the spec is of. */
export function refuseOtherOwner(spec: DomainSpec, existing: ObservedDomain): void {
  const { owner } = existing
  if (owner?.uid === spec.owner.uid) return
  const holder =
    owner === undefined
      ? 'is not managed by Kvorum'
      : `belongs to ${owner.namespace}/${owner.name}, run ${owner.uid}`
  throw new HypervisorError(
    'conflict',
    `domain ${spec.uuid} (${existing.name}) exists on this host and ${holder}`,
  )
}

/** Whether a process of the domain exists, running or not. */
export function hasProcess({ state }: Pick<ObservedDomain, 'state'>): boolean {
  return state !== 'shut-off' && state !== 'crashed'
}
