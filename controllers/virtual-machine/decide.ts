import { type RunEnd, RunEndReason } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { VirtualMachineSpec } from '../../crds/v1alpha1/virtual-machine.ts'

export type Power = VirtualMachineSpec['power']
export type RestartPolicy = VirtualMachineSpec['restartPolicy']

/** What follows when a run has ended. */
export type Follow =
  /** The machine is stopped, as its spec says. */
  | 'Stop'
  /** The next run, for the last one was only ended on request. */
  | 'Start'
  /** The next run, counted and, if it happens again and again, delayed. */
  | 'Restart'
  /** Nothing, until power went to Stopped and back: the guest wanted it so. */
  | 'StayStopped'
  /** Nothing, until power went to Stopped and back: the run failed. */
  | 'StayFailed'

/** The whole table: power, restart policy and how the run ended, nothing else. */
export function followOf(power: Power, policy: RestartPolicy, end: RunEnd): Follow {
  if (power === 'Stopped') return 'Stop'
  // Whoever suspended it counts on its memory: to start without it takes a word from them.
  if (end === 'MemoryLost') return 'StayFailed'
  if (power === 'Suspended') return 'Stop'
  if (end === 'Requested') return 'Start'
  if (end === 'GuestShutdown') return policy === 'Always' ? 'Restart' : 'StayStopped'
  return policy === 'Never' ? 'StayFailed' : 'Restart'
}

/** A reason that this version does not know counts as a failure. */
export function runEndOf(reason: string | undefined): RunEnd {
  return reason !== undefined && Object.hasOwn(RunEndReason, reason) ? (reason as RunEnd) : 'Unknown'
}

/** Everything that the next act depends on. */
export interface Situation {
  readonly power: Power
  readonly restartPolicy: RestartPolicy
  readonly run?:
    | {
        /** How it ended; undefined while it goes on. */
        readonly end: RunEnd | undefined
        /** Its end is in the machine's status. */
        readonly recorded: boolean
        readonly deleting: boolean
        /** It never came up and the spec has changed since, so that nothing is lost with it. */
        readonly superseded: boolean
        /** The guest has been started, whatever it does now. */
        readonly begun: boolean
        /** It was made with another restart token than the spec has now, and can be shut down. */
        readonly restartAsked: boolean
      }
    | undefined
  /** Disks and networks allow a run. */
  readonly possible: boolean
  /** Until back-off lets the next run start. */
  readonly waitMs: number
}

export type Act =
  /** Nothing to do until something changes. */
  { readonly do: 'rest' } | { readonly do: 'wait'; readonly ms: number } | { readonly do: 'start' } | RunAct

/** What is done to a run that is there. */
export type RunAct =
  /** It goes on; changes that take effect at once are passed on to it. */
  | { readonly do: 'keep' }
  /** Delete it: its host shuts the guest down. With `unchanged` only as it was read: it may come up meanwhile. */
  | { readonly do: 'end'; readonly unchanged: boolean; readonly restart?: true }
  /** Store how it ended, and what follows, before its object goes. */
  | { readonly do: 'record'; readonly follow: Follow }

/** What to do now. A new run is made only when no object of the last one is left. */
export function decide(situation: Situation): Act {
  const { run } = situation
  if (run === undefined) return withoutRun(situation)
  return run.end === undefined ? duringRun(situation.power, run) : afterRun(situation, run, run.end)
}

type Run = NonNullable<Situation['run']>

function withoutRun({ power, possible, waitMs }: Situation): Act {
  // There is nothing to suspend.
  if (power === 'Stopped' || power === 'Suspended' || !possible) return { do: 'rest' }
  return waitMs > 0 ? { do: 'wait', ms: waitMs } : { do: 'start' }
}

function duringRun(power: Power, { deleting, superseded, begun, restartAsked }: Run): Act {
  if (deleting) return { do: 'keep' }
  if (power === 'Stopped') return { do: 'end', unchanged: false }
  if (power === 'Suspended') return begun ? { do: 'keep' } : { do: 'end', unchanged: true }
  if (restartAsked) return { do: 'end', unchanged: false, restart: true }
  return superseded ? { do: 'end', unchanged: true } : { do: 'keep' }
}

function afterRun({ power, restartPolicy }: Situation, run: Run, end: RunEnd): Act {
  const { recorded, deleting, restartAsked } = run
  const follow = followOf(power, restartPolicy, end)
  if (!recorded) return { do: 'record', follow }
  const stays = follow === 'StayStopped' || follow === 'StayFailed'
  if (deleting || (stays && (!restartAsked || power === 'Suspended'))) return { do: 'rest' }
  return stays ? { do: 'end', unchanged: false, restart: true } : { do: 'end', unchanged: false }
}
