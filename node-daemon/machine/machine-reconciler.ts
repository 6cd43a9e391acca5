import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type VirtualMachineInstance, vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { type DomainStateReason, HypervisorError, type ObservedDomain } from '../hypervisor/hypervisor.ts'
import { decide, needsResources } from './decide.ts'
import type { MachineDeps } from './machine-deps.ts'
import { endedStatus, notReadyStatus, runningStatus, stoppingStatus } from './machine-status.ts'
import { removeOrphan } from './orphan.ts'
import { diskKeysOf, diskNeeds, networkNeeds } from './resource-needs.ts'
import { classifyEnd, isSuccess } from './run-end.ts'
import type { Action, Situation } from './situation.ts'
import { dhcpInterfaces, startRun } from './start-run.ts'

type Run = Stored<VirtualMachineInstance>

/** After an action: look again at once, or leave it until something changes or the time has passed. */
type Next = 'again' | { readonly againAfterMs?: number }

// Disks that no host has yet are not watched.
const recheckMs = 2_000
// From claiming to the end a run takes fewer steps than this; more would be going round in circles.
const maxSteps = 12

const after = (ms: number | undefined): Next => (ms === undefined ? {} : { againAfterMs: ms })

/** Drives the runs of this host: joins what is wanted and what libvirt has by the machine's UUID. */
export class MachineReconciler {
  readonly #deps: MachineDeps
  readonly #shutdownAskedAt = new Map<string, number>()
  readonly #lastReasons = new Map<string, DomainStateReason>()

  constructor(deps: MachineDeps) {
    this.#deps = deps
  }

  /** Keeps what an event said, for the case that the domain cannot be asked any more. */
  noteReason(uuid: string, reason: DomainStateReason | undefined): void {
    if (reason !== undefined && reason !== 'unknown' && reason !== 'started')
      this.#lastReasons.set(uuid, reason)
  }

  /** One pass over everything that has this UUID. May be repeated at any time. */
  async reconcile(uuid: string, signal: AbortSignal): Promise<number | undefined> {
    const runs = this.#deps.runs.informer.byIndex('uuid', uuid)
    const domain = await this.#deps.hypervisor.getDomain(uuid, signal)
    const waits: (number | undefined)[] = []
    const owner = domain?.owner
    if (
      domain !== undefined &&
      owner !== undefined &&
      !runs.some(({ metadata }) => metadata.uid === owner.uid)
    )
      waits.push(await removeOrphan(domain, owner, this.#deps, signal))
    for (const run of runs) waits.push(await this.#drive(run, domain, signal))
    const due = waits.filter((wait) => wait !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  async #drive(
    start: Run,
    seen: ObservedDomain | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const key = keyOf(start.metadata)
    const { hypervisor, runs } = this.#deps
    let observed = seen
    for (let step = 0; step < maxSteps; step++) {
      signal.throwIfAborted()
      const run = runs.get(key)
      if (run === undefined || run.metadata.uid !== start.metadata.uid) return undefined
      if (step > 0) observed = await hypervisor.getDomain(run.spec.uuid, signal)
      const situation = await this.#look(run, observed, signal)
      const next = await this.#act(decide(situation), situation, signal)
      if (next !== 'again') return next.againAfterMs
    }
    throw new Error('the run does not come to rest')
  }

  async #look(run: Run, observed: ObservedDomain | undefined, signal: AbortSignal): Promise<Situation> {
    const { clock, startBackoff, hostBootedAt } = this.#deps
    const { uid } = run.metadata
    const domain = observed?.owner?.uid === uid ? observed : undefined
    const wanted = needsResources({ run, domain })
    const asked = this.#shutdownAskedAt.get(uid)
    return {
      run,
      domain,
      disks: wanted ? await diskNeeds(run, this.#deps, signal) : [],
      networks: wanted ? networkNeeds(run, this.#deps.networks) : [],
      lastReason: this.#lastReasons.get(run.spec.uuid),
      now: clock.now(),
      hostBootedAt,
      msSinceShutdownAsked: asked === undefined ? undefined : clock.monotonic() - asked,
      startBackoffMs: startBackoff.remainingMs(uid),
    }
  }

  async #act(action: Action, situation: Situation, signal: AbortSignal): Promise<Next> {
    const { hypervisor, runs } = this.#deps
    const { run } = situation
    switch (action.type) {
      case 'add-finalizer':
        await runs.addFinalizer(run, vmiFinalizer, signal)
        return 'again'
      case 'claim-disks':
        return this.#claimDisks(action, situation, signal)
      case 'wait':
        return this.#wait(action, run, signal)
      case 'start':
        return this.#start(situation, signal)
      case 'report-running':
        return this.#reportRunning(run, signal)
      case 'shutdown':
        return this.#shutdown(action, run, signal)
      case 'destroy':
        await hypervisor.destroyDomain(run.spec.uuid, signal)
        return 'again'
      case 'record-end':
        return this.#recordEnd(situation, signal)
      case 'undefine':
        await hypervisor.undefineDomain(run.spec.uuid, signal)
        await this.#deps.records.remove(run.metadata.uid)
        return 'again'
      case 'release':
        return this.#release(run, signal)
      case 'nothing':
        return after(action.wakeAfterMs)
    }
  }

  async #claimDisks(
    { disks }: Extract<Action, { type: 'claim-disks' }>,
    { run }: Situation,
    signal: AbortSignal,
  ): Promise<Next> {
    const { hostName } = this.#deps
    for (const disk of disks)
      await this.#deps.disks.writeStatus(disk, { phase: 'Pending', ...disk.status, hostName }, signal)
    const why = { type: 'wait', reason: 'WaitingForDisks', message: 'The disks are being made' } as const
    return this.#wait(why, run, signal)
  }

  async #wait(
    { reason, message }: Extract<Action, { type: 'wait' }>,
    run: Run,
    signal: AbortSignal,
  ): Promise<Next> {
    // Once it is on record that a domain may exist, that stays until it is on record how the run ended.
    const phase = run.status?.phase === 'Starting' ? 'Starting' : 'Scheduled'
    const status = notReadyStatus(run, this.#deps.clock, { phase, reason, message })
    await this.#deps.runs.writeStatus(run, status, signal)
    return { againAfterMs: recheckMs }
  }

  async #start(situation: Situation, signal: AbortSignal): Promise<Next> {
    const { runs, clock, events } = this.#deps
    this.#lastReasons.delete(situation.run.spec.uuid)
    const result = await startRun(situation, this.#deps, signal)
    if (result.type === 'started') return 'again'
    if (result.type === 'failed') {
      const run = runs.get(keyOf(situation.run.metadata)) ?? situation.run
      const why = { phase: 'Starting', reason: 'StartFailed', message: result.message } as const
      await runs.writeStatus(run, notReadyStatus(run, clock, why), signal)
      events.warning(run, why.reason, why.message)
    }
    return after(result.againAfterMs)
  }

  async #reportRunning(run: Run, signal: AbortSignal): Promise<Next> {
    const { runs, clock, guests, diskUse, records, events } = this.#deps
    diskUse.take(diskKeysOf(run), run.metadata.uid)
    const { namespace = '', name, uid } = run.metadata
    const record = await records.get(uid)
    // What `kvorum down` could not stop, or was started again by hand, is a machine like any other.
    if (record === undefined || record.stoppedWithHost === true)
      await records.put({ namespace, name, uid, uuid: run.spec.uuid })
    await runs.writeStatus(run, runningStatus(run, clock, guests.watch(run.spec.uuid)), signal)
    if (run.status?.phase !== 'Running') events.normal(run, 'Running', 'The machine runs')
    return {}
  }

  async #shutdown(
    { wakeAfterMs }: Extract<Action, { type: 'shutdown' }>,
    run: Run,
    signal: AbortSignal,
  ): Promise<Next> {
    const { runs, clock, events, hypervisor, log } = this.#deps
    await runs.writeStatus(run, stoppingStatus(run, clock), signal)
    if (run.status?.phase !== 'Stopping') events.normal(run, 'Stopping', 'The guest was asked to shut down')
    this.#shutdownAskedAt.set(run.metadata.uid, clock.monotonic())
    try {
      await hypervisor.shutdownDomain(run.spec.uuid, signal)
    } catch (error) {
      if (!(error instanceof HypervisorError) || error.code === 'unavailable') throw error
      // The deadline stands, and with it the power button.
      log.warn('Guest could not be asked to shut down', { name: run.metadata.name, error })
    }
    return { againAfterMs: wakeAfterMs }
  }

  async #recordEnd(situation: Situation, signal: AbortSignal): Promise<Next> {
    const { runs, clock, events, hypervisor, guests, diskUse, records } = this.#deps
    const { run, domain, lastReason, hostBootedAt } = situation
    // A guest that panicked may have left its QEMU behind.
    if (domain?.state === 'crashed') await hypervisor.destroyDomain(run.spec.uuid, signal)
    const end = classifyEnd({
      requested: run.metadata.deletionTimestamp !== undefined,
      stoppedWithHost: (await records.get(run.metadata.uid))?.stoppedWithHost === true,
      domain,
      lastReason,
      hostRestarted: hostBootedAt > Date.parse(run.status?.startedAt ?? ''),
    })
    await runs.writeStatus(run, endedStatus(run, clock, end), signal)
    guests.forget(run.spec.uuid)
    diskUse.release(run.metadata.uid)
    if (isSuccess(end.reason)) events.normal(run, end.reason, end.message)
    else events.warning(run, end.reason, end.message)
    return 'again'
  }

  async #release(run: Run, signal: AbortSignal): Promise<Next> {
    const { networkDriver, guests, diskUse, records, runs, startBackoff } = this.#deps
    const { uid } = run.metadata
    for (const { network, macAddress } of dhcpInterfaces(run, this.#deps))
      await networkDriver.removeDhcpHost(network.name, macAddress, signal)
    await records.remove(uid)
    guests.forget(run.spec.uuid)
    diskUse.release(uid)
    startBackoff.reset(uid)
    this.#shutdownAskedAt.delete(uid)
    this.#lastReasons.delete(run.spec.uuid)
    await runs.dropFinalizer(run, vmiFinalizer, signal)
    return {}
  }
}
