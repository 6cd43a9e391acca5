import { keyOf } from '../../apimachinery/client/client.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type VirtualMachineInstance, vmiFinalizer } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { hasProcess } from '../hypervisor/ownership.ts'
import { type DomainStateReason, HypervisorError, type ObservedDomain } from '../hypervisor/hypervisor.ts'
import { decide, needsResources } from './decide.ts'
import type { MachineDeps } from './machine-deps.ts'
import { DefinitionWatch } from './definition-watch.ts'
import { endedStatus, notReadyStatus, stoppingStatus } from './machine-status.ts'
import { after, type Next } from './next.ts'
import { removeOrphan } from './orphan.ts'
import { diskNeeds, networkNeeds } from './resource-needs.ts'
import { classifyEnd, isSuccess } from './run-end.ts'
import type { Action, Situation } from './situation.ts'
import { SleepActs } from './sleep-acts.ts'
import { findStartOrder, type StartOrder } from './start-order.ts'
import { PowerActs } from './power-acts.ts'
import { memoryStateOf } from './saved-memory.ts'
import { dhcpInterfaces, type HowToStart, startRun } from './start-run.ts'

type Run = Stored<VirtualMachineInstance>

/** Reasons that say nothing about how a domain ended. */
const passing = new Set<DomainStateReason>(['unknown', 'started', 'busy', 'io-error'])

// Disks that no host has yet are not watched.
const recheckMs = 2_000
// From claiming to the end a run takes fewer steps than this; more would be going round in circles.
const maxSteps = 12

type Handlers = {
  readonly [T in Action['type']]: (
    action: Extract<Action, { type: T }>,
    situation: Situation,
    signal: AbortSignal,
  ) => Next | Promise<Next>
}

/** Drives the runs of this host: joins what is wanted and what libvirt has by the machine's UUID. */
export class MachineReconciler {
  readonly #deps: MachineDeps
  readonly #shutdownAskedAt = new Map<string, number>()
  readonly #lastReasons = new Map<string, DomainStateReason>()
  readonly #definitions: DefinitionWatch
  readonly #power: PowerActs
  readonly #sleep: SleepActs
  readonly #handlers: Handlers
  #order: StartOrder | undefined

  constructor(deps: MachineDeps) {
    this.#deps = deps
    this.#definitions = new DefinitionWatch(deps)
    this.#power = new PowerActs(deps, this.#definitions)
    this.#sleep = new SleepActs(deps)
    this.#handlers = this.#buildHandlers()
  }

  /** The guest of this domain has rebooted within its run. */
  noteReboot(uuid: string): void {
    this.#power.noteReboot(uuid)
  }

  /** Keeps what an event said, for the case that the domain cannot be asked any more. */
  noteReason(uuid: string, reason: DomainStateReason | undefined): void {
    if (reason !== undefined && !passing.has(reason)) this.#lastReasons.set(uuid, reason)
  }

  /** One pass over everything that has this UUID. May be repeated at any time. */
  async reconcile(uuid: string, signal: AbortSignal): Promise<number | undefined> {
    // From how things are found, before anything is changed.
    this.#order ??= await findStartOrder(this.#deps, signal)
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
    const { clock, hostBootedAt } = this.#deps
    const { uid } = run.metadata
    const domain = observed?.owner?.uid === uid ? observed : undefined
    const wanted = needsResources({ run, domain })
    const asked = this.#shutdownAskedAt.get(uid)
    const isUp = domain !== undefined && !wanted && run.metadata.deletionTimestamp === undefined
    return {
      run,
      domain,
      disks: wanted ? await diskNeeds(run, this.#deps, signal) : [],
      networks: wanted ? networkNeeds(run, this.#deps.networks) : [],
      lastReason: this.#lastReasons.get(run.spec.uuid),
      now: clock.now(),
      hostBootedAt,
      msSinceShutdownAsked: asked === undefined ? undefined : clock.monotonic() - asked,
      startBackoffMs: this.#startWaitMs(run),
      memory: await memoryStateOf(run, this.#deps),
      msSinceResumeTried: this.#power.msSinceResumeTried(uid),
      suspendBackoffMs: this.#sleep.backoffMs(uid),
      definition: isUp && hasProcess(domain) ? await this.#definitions.compare(run, signal) : undefined,
    }
  }

  #startWaitMs(run: Run): number {
    const backoffMs = this.#deps.startBackoff.remainingMs(run.metadata.uid)
    return Math.max(backoffMs, this.#order?.waitMs(run) ?? 0)
  }

  #act(action: Action, situation: Situation, signal: AbortSignal): Next | Promise<Next> {
    // The compiler does not see that a handler and its action come from the same row.
    const handle = this.#handlers[action.type] as (
      action: Action,
      situation: Situation,
      signal: AbortSignal,
    ) => Next | Promise<Next>
    return handle(action, situation, signal)
  }

  #buildHandlers(): Handlers {
    const power = this.#power
    const sleep = this.#sleep
    return {
      'add-finalizer': async (_action, { run }, signal): Promise<Next> => {
        await this.#deps.runs.addFinalizer(run, vmiFinalizer, signal)
        return 'again'
      },
      'claim-disks': (action, situation, signal) => this.#claimDisks(action, situation, signal),
      wait: (action, { run }, signal) => this.#wait(action, run, signal),
      start: (_action, situation, signal) => this.#start(situation, 'start', signal),
      restore: (_action, situation, signal) => this.#start(situation, 'restore', signal),
      'report-running': (action, { run }, signal) => {
        this.#order?.started(run)
        return power.reportRunning(action, run, signal)
      },
      'report-paused': (action, { run }, signal) => power.reportPaused(action, run, signal),
      pause: (action, { run }, signal) => power.pause(action, run, signal),
      resume: (action, { run }, signal) => power.resume(action, run, signal),
      'put-definition': (action, { run }, signal) => power.putDefinition(action, run, signal),
      suspend: (_action, situation, signal) => sleep.suspend(situation, signal),
      'record-suspended': (_action, situation, signal) => sleep.recordSuspended(situation, signal),
      'finish-restore': (_action, situation, signal) => sleep.finishRestore(situation, signal),
      'abandon-memory': (_action, situation, signal) => this.#abandonMemory(situation, signal),
      shutdown: (action, { run }, signal) => this.#shutdown(action, run, signal),
      destroy: async (_action, { run }, signal): Promise<Next> => {
        await this.#deps.hypervisor.destroyDomain(run.spec.uuid, signal)
        return 'again'
      },
      'record-end': (_action, situation, signal) => this.#recordEnd(situation, signal),
      undefine: async (_action, { run }, signal): Promise<Next> => {
        await this.#deps.hypervisor.undefineDomain(run.spec.uuid, signal)
        await this.#deps.records.remove(run.metadata.uid)
        return 'again'
      },
      release: (_action, { run }, signal) => this.#release(run, signal),
      nothing: (action) => after(action.wakeAfterMs),
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
    const { phase: now } = run.status ?? {}
    const phase = now === 'Starting' || now === 'Suspended' || now === 'Resuming' ? now : 'Scheduled'
    const status = notReadyStatus(run, this.#deps.clock, { phase, reason, message })
    await this.#deps.runs.writeStatus(run, status, signal)
    return { againAfterMs: recheckMs }
  }

  async #start(situation: Situation, how: HowToStart, signal: AbortSignal): Promise<Next> {
    const { runs, clock, events } = this.#deps
    this.#lastReasons.delete(situation.run.spec.uuid)
    await this.#definitions.forget(situation.run.metadata.uid)
    const result = await startRun(situation, how, this.#deps, signal)
    if (result.type === 'started') return 'again'
    if (result.type === 'failed') {
      const run = runs.get(keyOf(situation.run.metadata)) ?? situation.run
      const { message } = result
      const why =
        how === 'start'
          ? ({ phase: 'Starting', reason: 'StartFailed', message } as const)
          : ({ phase: 'Resuming', reason: 'ResumeFailed', message } as const)
      await runs.writeStatus(run, notReadyStatus(run, clock, why), signal)
      events.warning(run, why.reason, why.message)
    }
    return after(result.againAfterMs)
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
    await this.#sleep.dropMemory(run)
    // A guest that panicked may have left its QEMU behind.
    if (domain?.state === 'crashed') await hypervisor.destroyDomain(run.spec.uuid, signal)
    const end = classifyEnd({
      requested: run.metadata.deletionTimestamp !== undefined,
      stoppedWithHost: (await records.get(run.metadata.uid))?.stoppedWithHost === true,
      memoryLost: run.status?.phase === 'Suspended',
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

  /** Its disks are not what they were when it fell asleep: the process that changes them goes first. */
  async #abandonMemory(situation: Situation, signal: AbortSignal): Promise<Next> {
    await this.#deps.hypervisor.destroyDomain(situation.run.spec.uuid, signal)
    const { savedMemory, ...status } = situation.run.status ?? {}
    const run = {
      ...situation.run,
      status: { ...status, phase: 'Suspended' as const, ...(savedMemory && { savedMemory }) },
    }
    return this.#recordEnd({ ...situation, run, domain: undefined }, signal)
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
    this.#power.forget(run)
    this.#sleep.forget(run)
    await this.#definitions.forget(uid)
    this.#lastReasons.delete(run.spec.uuid)
    await runs.dropFinalizer(run, vmiFinalizer, signal)
    return {}
  }
}
