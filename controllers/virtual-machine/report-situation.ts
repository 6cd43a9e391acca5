import type { Condition } from '../../crds/meta/fields.ts'
import type { Host } from '../../crds/v1alpha1/host.ts'
import type { Instance } from '../instances.ts'
import type { Machine } from './machine.ts'

/** Everything that phase and summary conditions are made from. */
export interface ReportSituation {
  readonly vm: Machine
  readonly instance: Instance | undefined
  /** Something else that has the name of the machine's run. */
  readonly foreign: Instance | undefined
  /** The host that the run was placed on, as far as it is registered. */
  readonly host: Host | undefined
  /** Milliseconds until back-off lets the next run start. */
  readonly waitMs: number
}

/** What a condition says, without its type. */
export type ConditionAnswer = Pick<Condition, 'status' | 'reason' | 'message'>
