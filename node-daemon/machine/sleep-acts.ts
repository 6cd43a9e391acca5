import { timestamp } from '../../apimachinery/clock.ts'
import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import type { MachineDeps } from './machine-deps.ts'
import { asleepStatus, suspendFailedStatus } from './machine-status.ts'
import type { Next } from './next.ts'
import { memoryPathOf } from './saved-memory.ts'
import type { Situation } from './situation.ts'

type Run = Stored<VirtualMachineInstance>

// A domain of storage that is full does not empty itself within seconds.
const suspendRetryMs = 30_000

/** What is done to a run between its process and the file with its memory. */
export class SleepActs {
  readonly #deps: MachineDeps
  readonly #failedAt = new Map<string, number>()

  constructor(deps: MachineDeps) {
    this.#deps = deps
  }

  backoffMs(uid: string): number {
    const at = this.#failedAt.get(uid)
    return at === undefined ? 0 : Math.max(0, at + suspendRetryMs - this.#deps.clock.monotonic())
  }

  async suspend({ run }: Situation, signal: AbortSignal): Promise<Next> {
    const { runs, clock, hypervisor, events } = this.#deps
    const path = memoryPathOf(run, this.#deps)
    if (path === undefined)
      return this.#failed(run, 'The machine has no disk beside which its memory can be kept', signal)
    const why = { phase: 'Suspending', reason: 'Suspending', message: 'The memory is being saved' } as const
    // The intent first: whoever comes after knows of the file.
    await runs.writeStatus(run, asleepStatus(run, clock, why, { path }), signal)
    if (run.status?.phase !== 'Suspending') events.normal(run, why.reason, why.message)
    try {
      await hypervisor.saveDomain(run.spec.uuid, path, signal)
    } catch (error) {
      if (!(error instanceof HypervisorError) || error.code === 'unavailable') throw error
      return this.#failed(
        runs.get(keyOf(run.metadata)) ?? run,
        `The machine was not suspended: ${error.message}`,
        signal,
      )
    }
    return 'again'
  }

  async recordSuspended({ run }: Situation, signal: AbortSignal): Promise<Next> {
    const { runs, clock, hypervisor, events, guests } = this.#deps
    const path = run.status?.savedMemory?.path ?? ''
    const file = await hypervisor.savedMemory(path)
    const why = {
      phase: 'Suspended',
      reason: 'Suspended',
      message: `The memory is saved in ${path}`,
    } as const
    const saved = { path, savedAt: timestamp(clock), ...(file && { bytes: file.bytes }) }
    await runs.writeStatus(run, asleepStatus(run, clock, why, saved), signal)
    guests.forget(run.spec.uuid)
    this.#failedAt.delete(run.metadata.uid)
    events.normal(run, why.reason, why.message)
    return 'again'
  }

  /** The file goes before the guest goes on: from then on its memory and its disks belong together nowhere else. */
  async finishRestore({ run, domain }: Situation, signal: AbortSignal): Promise<Next> {
    const { runs, clock, hypervisor } = this.#deps
    const { power } = run.spec
    const path = run.status?.savedMemory?.path
    // A daemon before this one may have asked for it, and libvirt be still at it: the file is needed until then.
    if (domain?.state === 'paused') await hypervisor.pauseDomain(run.spec.uuid, signal)
    if (path !== undefined) await hypervisor.removeSavedMemory(path)
    if (domain?.state === 'paused' && power !== 'Paused') await hypervisor.resumeDomain(run.spec.uuid, signal)
    const { savedMemory: _used, ...status } = run.status ?? {}
    const up = {
      ...status,
      phase: power === 'Paused' ? 'Paused' : 'Running',
      power: power === 'Paused' ? power : 'Running',
    }
    await runs.writeStatus(run, up as typeof status, signal)
    this.#deps.events.normal(run, 'Resumed', 'The machine goes on with its saved memory')
    this.#deps.log.info('Machine is back with its memory', { name: run.metadata.name, at: timestamp(clock) })
    return 'again'
  }

  /** Its file, should there be one, is of no use to anybody. */
  async dropMemory({ status }: Run): Promise<void> {
    if (status?.savedMemory !== undefined)
      await this.#deps.hypervisor.removeSavedMemory(status.savedMemory.path)
  }

  forget({ metadata }: Run): void {
    this.#failedAt.delete(metadata.uid)
  }

  async #failed(run: Run, message: string, signal: AbortSignal): Promise<Next> {
    const { runs, clock, events } = this.#deps
    this.#failedAt.set(run.metadata.uid, clock.monotonic())
    await runs.writeStatus(run, suspendFailedStatus(run, clock, message.slice(0, 512)), signal)
    events.warning(run, 'SuspendFailed', message)
    return { againAfterMs: suspendRetryMs }
  }
}
