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
  /** It was to be brought back with memory that is not there. */
  readonly memoryLost: boolean
  /** The host booted after the run had started. */
  readonly hostRestarted: boolean
}

/** How a run ended whose domain does not run any more. */
export function classifyEnd(evidence: EndEvidence): EndOfRun {
  const { requested, domain, lastReason, hostRestarted, stoppedWithHost } = evidence
  if (requested) return { reason: 'Requested', message: 'The machine was shut down as it was asked to' }
  if (evidence.memoryLost)
    return {
      reason: 'MemoryLost',
      message: 'The saved memory of the machine is gone or was not written to its end',
    }
  if (stoppedWithHost)
    return { reason: 'HostRestarted', message: 'The machine was shut down together with its host' }
  const told = domain?.state === 'crashed' ? 'crashed' : (domain?.stateReason ?? 'unknown')
  const reason = mostTelling(told, lastReason)
  const end = ends[reason]
  if (end !== ends.unknown) return end
  if (hostRestarted) return { reason: 'HostRestarted', message: 'The host restarted under the machine' }
  return end
}

/** libvirt's state forgets, and is less precise than its events: those say of a crash that it was a panic. */
function mostTelling(told: DomainStateReason, lastReason: DomainStateReason | undefined): DomainStateReason {
  const vague = told === 'unknown' || told === 'started' || told === 'busy' || told === 'io-error'
  if (vague) return lastReason ?? 'unknown'
  return told === 'crashed' && lastReason === 'panicked' ? 'panicked' : told
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
  panicked: { reason: 'Panicked', message: "The guest's kernel panicked" },
  watchdog: {
    reason: 'Watchdog',
    message: 'The guest stopped feeding its watchdog, which powered the machine off',
  },
  failed: { reason: 'Failed', message: 'libvirt reported that the machine failed' },
  migrated: unknown,
  started: unknown,
  busy: unknown,
  'io-error': unknown,
  unknown,
}

/** Ends that `restartPolicy: OnFailure` respects. */
export function isSuccess(reason: RunEnd): boolean {
  return reason === 'Requested' || reason === 'GuestShutdown'
}
