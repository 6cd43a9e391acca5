import type { RunEnd } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainStateReason, ObservedDomain } from '../hypervisor/hypervisor.ts'

export interface EndOfRun {
  readonly reason: RunEnd
  readonly message: string
}

export interface EndEvidence {
  /** The run was to be ended. */
  readonly requested: boolean
  /** The run's domain, which does not run any more; undefined when it is gone. */
  readonly domain: ObservedDomain | undefined
  /** It was shut down together with Kvorum or the host. */
  readonly stoppedWithHost: boolean
  /** What an event said about the domain, in case it cannot be asked any more. */
  readonly lastReason: DomainStateReason | undefined
  /** The host booted after the run had started. */
  readonly hostRestarted: boolean
}

/** How a run ended whose domain does not run any more. */
export function classifyEnd(evidence: EndEvidence): EndOfRun {
  const { requested, domain, lastReason, hostRestarted, stoppedWithHost } = evidence
  if (requested) return { reason: 'Requested', message: 'The machine was shut down as it was asked to' }
  if (stoppedWithHost)
    return { reason: 'HostRestarted', message: 'The machine was shut down together with its host' }
  if (domain?.state === 'crashed') return ends.crashed
  const told = domain?.stateReason ?? 'unknown'
  const reason = told === 'unknown' || told === 'started' ? (lastReason ?? 'unknown') : told
  const end = ends[reason]
  if (end !== ends.unknown) return end
  if (hostRestarted) return { reason: 'HostRestarted', message: 'The host restarted under the machine' }
  return end
}

const unknown: EndOfRun = {
  reason: 'Unknown',
  message: 'The machine was found stopped and nothing tells why',
}

const ends: Record<DomainStateReason, EndOfRun> = {
  'guest-shutdown': { reason: 'GuestShutdown', message: 'The guest shut itself down' },
  destroyed: { reason: 'Destroyed', message: 'Somebody powered the machine off behind Kvorum' },
  saved: { reason: 'Destroyed', message: 'Somebody saved the machine to a file behind Kvorum' },
  crashed: { reason: 'Crashed', message: 'The guest crashed or its QEMU process died' },
  failed: { reason: 'Failed', message: 'libvirt reported that the machine failed' },
  migrated: unknown,
  started: unknown,
  unknown,
}

/** Ends that `restartPolicy: OnFailure` respects. */
export function isSuccess(reason: RunEnd): boolean {
  return reason === 'Requested' || reason === 'GuestShutdown'
}
