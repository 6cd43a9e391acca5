import type { Stored } from '../../crds/meta/object-meta.ts'
import {
  type VirtualMachineInstance,
  VmiDriftedReason,
} from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DefinitionWatch } from './definition-watch.ts'
import type { MachineDeps } from './machine-deps.ts'
import { pausedStatus, runningStatus, withDrift } from './machine-status.ts'
import { after, type Next } from './next.ts'
import { diskKeysOf } from './resource-needs.ts'
import type { Action, Drift } from './situation.ts'

type Run = Stored<VirtualMachineInstance>
type Act<T extends Action['type']> = Extract<Action, { type: T }>

/** What is done to a run that is up. */
export class PowerActs {
  readonly #deps: MachineDeps
  readonly #definitions: DefinitionWatch
  readonly #resumeTriedAt = new Map<string, number>()
  readonly #reboots = new Map<string, number>()

  constructor(deps: MachineDeps, definitions: DefinitionWatch) {
    this.#deps = deps
    this.#definitions = definitions
  }

  /** The guest of this domain has rebooted; told with the next report. */
  noteReboot(uuid: string): void {
    this.#reboots.set(uuid, (this.#reboots.get(uuid) ?? 0) + 1)
  }

  msSinceResumeTried(uid: string): number | undefined {
    const at = this.#resumeTriedAt.get(uid)
    return at === undefined ? undefined : this.#deps.clock.monotonic() - at
  }

  async reportRunning(
    { drift, wakeAfterMs }: Act<'report-running'>,
    run: Run,
    signal: AbortSignal,
  ): Promise<Next> {
    const { runs, clock, guests, events } = this.#deps
    await this.#keepRecord(run)
    this.#resumeTriedAt.delete(run.metadata.uid)
    const reboots = this.#takeReboots(run)
    const seen = runningStatus(run, clock, guests.watch(run.spec.uuid))
    const status = { ...seen, ...this.#made(run, drift, 'Running'), ...reboots }
    await runs.writeStatus(run, withDrift(run, clock, status, drift), signal)
    if (run.status?.phase !== 'Running') events.normal(run, 'Running', 'The machine runs')
    if (reboots !== undefined) events.normal(run, 'Rebooted', 'The guest rebooted')
    return after(wakeAfterMs)
  }

  async reportPaused(action: Act<'report-paused'>, run: Run, signal: AbortSignal): Promise<Next> {
    const { runs, clock, events } = this.#deps
    const { reason, drift, wakeAfterMs } = action
    const { uid } = run.metadata
    await this.#keepRecord(run)
    // From the first sight on the time until the next try is counted.
    if (reason === 'PausedByError' && !this.#resumeTriedAt.has(uid))
      this.#resumeTriedAt.set(uid, clock.monotonic())
    const status = { ...pausedStatus(run, clock, reason), ...this.#made(run, drift, 'Paused') }
    await runs.writeStatus(run, withDrift(run, clock, status, drift), signal)
    if (run.status?.phase !== 'Paused') {
      if (reason === 'Paused') events.normal(run, reason, 'The machine is paused')
      else events.warning(run, reason, 'The machine stands still')
    }
    return after(wakeAfterMs)
  }

  async pause({ reverts }: Act<'pause'>, run: Run, signal: AbortSignal): Promise<Next> {
    await this.#deps.hypervisor.pauseDomain(run.spec.uuid, signal)
    if (reverts === true) this.#reverted(run, 'PowerChanged', 'the machine was paused again')
    return 'again'
  }

  async resume({ reverts }: Act<'resume'>, run: Run, signal: AbortSignal): Promise<Next> {
    const { hypervisor, clock } = this.#deps
    this.#resumeTriedAt.set(run.metadata.uid, clock.monotonic())
    await hypervisor.resumeDomain(run.spec.uuid, signal)
    if (reverts === true) this.#reverted(run, 'PowerChanged', 'the machine goes on')
    return 'again'
  }

  async putDefinition({ drift }: Act<'put-definition'>, run: Run, signal: AbortSignal): Promise<Next> {
    await this.#definitions.revert(run, signal)
    this.#reverted(run, drift, 'it was put back')
    return 'again'
  }

  forget({ metadata, spec }: Run): void {
    this.#resumeTriedAt.delete(metadata.uid)
    this.#reboots.delete(spec.uuid)
  }

  #reverted(run: Run, drift: Drift, how: string): void {
    this.#deps.log.warn('Somebody changed a machine behind Kvorum', { name: run.metadata.name, drift })
    this.#deps.events.warning(run, 'DriftReverted', `${VmiDriftedReason[drift].replace(/\.$/, '')}: ${how}`)
  }

  /** What others have made of the machine is not what its host has. */
  #made(run: Run, drift: Drift | undefined, seen: 'Running' | 'Paused') {
    const ours = drift !== 'PowerChanged' && run.spec.power === seen
    return ours ? { power: seen } : {}
  }

  #takeReboots({ spec, status }: Run): { readonly reboots: number } | undefined {
    const more = this.#reboots.get(spec.uuid)
    this.#reboots.delete(spec.uuid)
    return more === undefined ? undefined : { reboots: (status?.reboots ?? 0) + more }
  }

  /** What `kvorum down` could not stop, or was started again by hand, is a machine like any other. */
  async #keepRecord({ metadata, spec, ...run }: Run): Promise<void> {
    const { diskUse, records } = this.#deps
    diskUse.take(diskKeysOf({ metadata, spec, ...run }), metadata.uid)
    const { namespace = '', name, uid } = metadata
    const record = await records.get(uid)
    if (record === undefined || record.stoppedWithHost === true)
      await records.put({ namespace, name, uid, uuid: spec.uuid })
  }
}
