import type { Clock } from '../../apimachinery/clock.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { hasProcess } from '../hypervisor/ownership.ts'
import type { MachineDeps } from './machine-deps.ts'

type Run = Stored<VirtualMachineInstance>

// A machine that does not come back holds up those after it for this long, counted from when its own turn came.
const patienceMs = 30_000
const recheckMs = 500

/** The machines that are on record as up although the host, or Kvorum on it, has been down since. */
export async function findStartOrder(
  { runs, hypervisor, records, clock, hostBootedAt }: MachineDeps,
  signal: AbortSignal,
): Promise<StartOrder> {
  const domains = await hypervisor.listDomains(signal)
  const active = new Set(domains.filter(hasProcess).map(({ uuid }) => uuid))
  const stopped = new Set(
    (await records.list()).filter(({ stoppedWithHost }) => stoppedWithHost === true).map(({ uid }) => uid),
  )
  const wentDown = ({ metadata, spec, status }: Run): boolean => {
    const isUp = status?.phase === 'Running' || status?.phase === 'Paused'
    if (!isUp || active.has(spec.uuid) || metadata.deletionTimestamp !== undefined) return false
    return stopped.has(metadata.uid) || hostBootedAt > Date.parse(status?.startedAt ?? '')
  }
  return new StartOrder(clock, runs.informer.list().filter(wentDown))
}

interface Turn {
  readonly order: number
  readonly delayMs: number
  startedAt: number | undefined
}

/**
 * The order in which the machines start that ran when the host, or Kvorum on it, went down. Those of one number start
 * together. Machines that did not run then wait for nobody.
 */
export class StartOrder {
  readonly #clock: Clock
  /** By the machine's uid, which stays the same from run to run. */
  readonly #turns = new Map<string, Turn>()
  /** When the machines of a number might have begun, for the patience with them. */
  readonly #begunAt = new Map<number, number>()

  /** `runs`: those of this host that were on record as up and have no domain that runs. */
  constructor(clock: Clock, runs: readonly Run[]) {
    this.#clock = clock
    for (const { spec } of runs) {
      const { order, delaySeconds } = spec.startup
      this.#turns.set(spec.virtualMachine.uid, { order, delayMs: delaySeconds * 1000, startedAt: undefined })
    }
  }

  /** Milliseconds until it makes sense to ask again; 0: its turn has come. */
  waitMs({ spec }: Run): number {
    const own = this.#turns.get(spec.virtualMachine.uid)
    if (own === undefined || own.startedAt !== undefined) return 0
    const now = this.#clock.monotonic()
    let begin = this.#beginOf(Math.min(...this.#orders()), now)
    for (const order of this.#orders().filter((one) => one < own.order)) {
      const doneAt = this.#doneAt(order, begin)
      if (doneAt === undefined) return recheckMs
      if (doneAt > now) return doneAt - now
      begin = this.#beginOf(order, doneAt)
    }
    return 0
  }

  /** The machine of this run is up. */
  started({ spec }: Run): void {
    const turn = this.#turns.get(spec.virtualMachine.uid)
    if (turn !== undefined) turn.startedAt ??= this.#clock.monotonic()
  }

  #orders(): number[] {
    return [...new Set([...this.#turns.values()].map(({ order }) => order))].toSorted((a, b) => a - b)
  }

  #beginOf(order: number, at: number): number {
    const known = this.#begunAt.get(order)
    if (known === undefined) this.#begunAt.set(order, at)
    return known ?? at
  }

  /** When the machines after these may start; undefined while one of these is still waited for. */
  #doneAt(order: number, begin: number): number | undefined {
    const givenUpAt = this.#beginOf(order, begin) + patienceMs
    const ends = [...this.#turns.values()]
      .filter((turn) => turn.order === order)
      .map(({ startedAt, delayMs }) => (startedAt === undefined ? undefined : startedAt + delayMs))
    if (ends.every((end) => end !== undefined)) return Math.max(...ends)
    return this.#clock.monotonic() >= givenUpAt ? givenUpAt : undefined
  }
}
