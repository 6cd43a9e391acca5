import { type Clock, timestamp } from '../../apimachinery/clock.ts'
import { getCondition } from '../../apimachinery/conditions.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type VirtualMachineInstance, VmiReady } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { type VirtualMachine, VmDisksReady } from '../../crds/v1alpha1/virtual-machine.ts'
import { isBeingDeleted } from '../finalizers.ts'
import { type Instance, isFinished } from '../instances.ts'
import {
  type Outcome,
  proceed,
  type ReconcileContext,
  retryAfter,
  type Step,
  stop,
} from '../runtime/reconciler.ts'
import { restartDelayMs, restartsBefore, steadyMs } from './back-off.ts'
import { type CheckNetworksDeps, networkProblems } from './check-networks.ts'
import { waitingFields } from './check-restart-required.ts'
import { decide, type Follow, type RunAct, runEndOf, type Situation } from './decide.ts'
import type { DiskClaims } from './disk-claims.ts'
import { type AssessDisksDeps, diskProblems } from './disk-problems.ts'
import { instanceOf, type LiveFields, liveChanges } from './instance-spec.ts'
import { keyBeside } from '../beside.ts'
import { diskNameOf, disksOf, type Machine, statusOf } from './machine.ts'
import { isRunOf, namedInstance, type OwnInstanceDeps } from './own-instance.ts'

export interface FollowPowerDeps extends OwnInstanceDeps, AssessDisksDeps, CheckNetworksDeps {
  readonly claims: DiskClaims
  readonly createInstance: (instance: VirtualMachineInstance) => Promise<Stored<VirtualMachineInstance>>
  /** Deletes this very run; with `unchanged` only if nobody has written to it since it was read. */
  readonly deleteInstance: (instance: Instance, options: { readonly unchanged: boolean }) => Promise<void>
  readonly setLiveFields: (instance: Instance, fields: Partial<LiveFields>) => Promise<void>
}

// A refusal (a quota, say) ends without anything of ours changing.
const refusedRetryMs = 30_000

/** Makes, ends and follows runs, as `decide` says. */
export function followPower(deps: FollowPowerDeps): Step<VirtualMachine> {
  return async (ctx, vm) => {
    const instance = namedInstance(deps, vm)
    // Not ours to touch; its going wakes us.
    if (instance !== undefined && !isRunOf(instance, vm)) return stop
    forgetWhatIsOver(deps, vm, instance)

    const act = decide(situationOf(deps, vm, instance, ctx.clock))
    switch (act.do) {
      case 'start':
        return start(deps, ctx, vm)
      case 'wait':
        return retryAfter(act.ms)
      case 'rest':
        return getCondition(vm, VmDisksReady)?.reason === 'DiskRefused' ? retryAfter(refusedRetryMs) : proceed
      case 'keep':
      case 'end':
      case 'record':
        return instance === undefined ? proceed : attend(deps, ctx, { vm, instance, act })
    }
  }
}

function attend(
  deps: FollowPowerDeps,
  ctx: ReconcileContext,
  { vm, instance, act }: { vm: Machine; instance: Instance; act: RunAct },
): Outcome | Promise<Outcome> {
  switch (act.do) {
    case 'keep':
      return keep(deps, ctx, vm, instance)
    case 'end':
      if (act.restart === true)
        ctx.events.normal(vm, 'RestartRequested', 'The restart token has changed; the next run follows')
      return end(deps, ctx, instance, act)
    case 'record':
      return record(ctx, vm, instance, act.follow)
  }
}

/** A stopped machine starts with a clean slate; claims have served once a run shows, or none is to come. */
function forgetWhatIsOver(deps: FollowPowerDeps, vm: Machine, instance: Instance | undefined): void {
  const stopped = vm.spec.power === 'Stopped'
  if (stopped) forgetRestarts(vm)
  if (stopped || instance !== undefined) deps.claims.release(diskKeys(vm), vm.metadata.uid)
}

function situationOf(
  deps: FollowPowerDeps,
  vm: Machine,
  instance: Instance | undefined,
  clock: Clock,
): Situation {
  const { power, restartPolicy } = vm.spec
  return {
    power,
    restartPolicy,
    run: instance && {
      end: isFinished(instance) ? runEndOf(instance.status?.reason) : undefined,
      recorded: vm.status?.lastRun?.uid === instance.metadata.uid,
      deleting: isBeingDeleted(instance),
      begun: instance.status?.startedAt !== undefined,
      restartAsked: isRestartAsked(vm, instance),
      superseded: neverCameUp(instance) && waitingFields(deps, vm).length > 0,
    },
    possible: networkProblems(deps, vm).length === 0 && diskProblems(deps, vm).every(({ blocks }) => !blocks),
    waitMs: waitMs(vm, clock),
  }
}

const asleep = new Set(['Suspending', 'Suspended', 'Resuming'])

/** Exactly once per change: the next run carries the token. What is asleep wakes up first, so that it can be shut down. */
function isRestartAsked({ spec }: Machine, instance: Instance): boolean {
  if (spec.restartToken === undefined || spec.restartToken === instance.spec.restartToken) return false
  return !asleep.has(instance.status?.phase ?? '')
}

const notUp = new Set(['StartFailed', 'WaitingForDisks', 'WaitingForNetworks'])

function neverCameUp(instance: Instance): boolean {
  if (isFinished(instance) || instance.status?.startedAt !== undefined) return false
  if (instance.spec.hostName === undefined) return true
  return notUp.has(getCondition(instance, VmiReady)?.reason ?? '')
}

/** Until the next start. Never more than the whole delay, should the wall clock have been set back. */
export function waitMs({ status }: Pick<VirtualMachine, 'status'>, clock: Clock): number {
  if (status?.nextStartAt === undefined) return 0
  // One second more than the delay: `nextStartAt` is written in whole seconds.
  const longest = restartDelayMs((status.restarts ?? 1) - 1) + 1000
  return Math.max(0, Math.min(Date.parse(status.nextStartAt) - clock.now(), longest))
}

async function start(deps: FollowPowerDeps, ctx: ReconcileContext, vm: Machine): Promise<Outcome> {
  const claimant = { key: keyBeside(vm, vm.metadata.name), uid: vm.metadata.uid }
  // The other machine's run is about to show in the cache, and wakes us.
  if (!deps.claims.take(diskKeys(vm), claimant)) return stop
  try {
    ctx.log.info('Creating run')
    await deps.createInstance(instanceOf(vm))
  } catch (error) {
    // The cache is behind; the event that brings it up to date wakes us.
    if (isAlreadyExists(error)) return stop
    throw error
  }
  delete statusOf(vm).nextStartAt
  ctx.events.normal(vm, 'Created', `Made the next run of machine ${vm.metadata.name}`)
  return stop
}

async function keep(
  deps: FollowPowerDeps,
  ctx: ReconcileContext,
  vm: Machine,
  instance: Instance,
): Promise<Outcome> {
  delete statusOf(vm).nextStartAt
  const changes = liveChanges(instance.spec, vm)
  if (changes !== undefined) {
    await ignoring([isNotFound, isConflict], deps.setLiveFields(instance, changes))
  }
  if (vm.status?.restarts === undefined || instance.status?.startedAt === undefined) return proceed
  const steadyInMs = Date.parse(instance.status.startedAt) + steadyMs - ctx.clock.now()
  if (steadyInMs > 0) return retryAfter(Math.min(steadyInMs, steadyMs))
  delete vm.status.restarts
  return proceed
}

async function end(
  deps: FollowPowerDeps,
  ctx: ReconcileContext,
  instance: Instance,
  { unchanged }: { readonly unchanged: boolean },
): Promise<Outcome> {
  ctx.log.info('Deleting run', { uid: instance.metadata.uid })
  // Gone, or changed since: the cache is behind, and what it learns wakes us.
  await ignoring([isNotFound, isConflict], deps.deleteInstance(instance, { unchanged }))
  return stop
}

/** Stored before the run's object goes, so that a crash in between neither counts a restart twice nor forgets it. */
function record(ctx: ReconcileContext, vm: Machine, instance: Instance, follow: Follow): Outcome {
  const status = statusOf(vm)
  const { startedAt, finishedAt, message } = instance.status ?? {}
  const endedAt = finishedAt === undefined ? ctx.clock.now() : Date.parse(finishedAt)
  status.lastRun = {
    uid: instance.metadata.uid,
    reason: runEndOf(instance.status?.reason),
    finishedAt: finishedAt ?? timestamp(ctx.clock),
    ...(message !== undefined && { message }),
  }
  if (follow === 'Restart') {
    const before = restartsBefore(
      status.restarts,
      startedAt === undefined ? 0 : endedAt - Date.parse(startedAt),
    )
    const delayMs = restartDelayMs(before)
    status.restarts = before + 1
    if (delayMs > 0) status.nextStartAt = wholeSecond(ctx.clock.now() + delayMs)
    else delete status.nextStartAt
  } else if (follow !== 'Start') {
    forgetRestarts(vm)
  }
  return stop
}

function forgetRestarts(vm: Machine): void {
  const status = statusOf(vm)
  delete status.restarts
  delete status.nextStartAt
}

/** RFC 3339, never earlier than `ms`. */
function wholeSecond(ms: number): string {
  return timestamp({ now: () => Math.ceil(ms / 1000) * 1000 })
}

function diskKeys(vm: Machine): string[] {
  return disksOf(vm).map((disk) => keyBeside(vm, diskNameOf(vm, disk)))
}

async function ignoring(
  expected: readonly ((error: unknown) => boolean)[],
  work: Promise<void>,
): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!expected.some((matches) => matches(error))) throw error
  }
}
