import type { Clock } from '../../apimachinery/clock.ts'
import type { Lease } from '../../apimachinery/client/resources.ts'

// Of a host that has no lease yet.
const defaultDurationMs = 10_000

interface Observation {
  /** What distinguishes one renewal from the next; never compared with a clock of ours. */
  readonly renewal: string
  readonly durationMs: number
  /** On our own monotonic clock. */
  readonly seenAt: number
}

/**
 * When each host was last heard from, measured by our own monotonic clock from the moment in which a renewal was seen:
 * what the hosts' clocks say does not matter.
 */
export class LeaseObservations {
  readonly #clock: Clock
  readonly #observations = new Map<string, Observation>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True when the lease says something new. The first look at a host counts as that. */
  observe(hostName: string, lease: Lease | undefined): boolean {
    const { renewTime = '', holderIdentity = '', leaseDurationSeconds } = lease?.spec ?? {}
    const renewal = `${renewTime} ${holderIdentity}`
    if (this.#observations.get(hostName)?.renewal === renewal) return false
    const durationMs = leaseDurationSeconds === undefined ? defaultDurationMs : leaseDurationSeconds * 1000
    this.#observations.set(hostName, { renewal, durationMs, seenAt: this.#clock.monotonic() })
    return true
  }

  /** Milliseconds until the lease counts as expired; 0 when it does. */
  remainingMs(hostName: string): number {
    const observation = this.#observations.get(hostName)
    if (observation === undefined) return defaultDurationMs
    return Math.max(0, observation.seenAt + observation.durationMs - this.#clock.monotonic())
  }
}
