import type { DomainSpec } from './domain-spec.ts'
import type { ObservedDomain } from './hypervisor.ts'
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

/**
 * Throws `conflict` when another domain rightly has the spec's name. Only what is switched off and was defined for a
 * machine of the same name may make way: it is left over from an installation that no longer exists.
 */
export function refuseNamesake(spec: DomainSpec, namesake: ObservedDomain, cause?: unknown): void {
  const { owner } = namesake
  const formerLife = owner?.namespace === spec.owner.namespace && owner.name === spec.owner.name
  if (formerLife && !hasProcess(namesake)) return
  const remedy = hasProcess(namesake)
    ? `it runs; if nobody needs it: virsh destroy ${spec.name}`
    : `if nobody needs it: virsh undefine ${spec.name}`
  throw new HypervisorError(
    'conflict',
    `domain ${namesake.uuid} on this host is already named ${spec.name}; ${remedy}`,
    { cause },
  )
}

/** Whether a process of the domain exists, running or not. */
export function hasProcess({ state }: Pick<ObservedDomain, 'state'>): boolean {
  return state !== 'shut-off' && state !== 'crashed'
}
