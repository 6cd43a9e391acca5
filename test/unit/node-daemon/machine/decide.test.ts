import { describe, expect, test } from 'vitest'
import type { VirtualMachineInstanceStatus } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'
import type { ObservedDomain } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { decide } from '../../../../node-daemon/machine/decide.ts'
import type { Action, DiskNeed, NetworkNeed, Situation } from '../../../../node-daemon/machine/situation.ts'
import { aDisk } from '../../../support/builders.ts'
import { aPlacedRun } from '../support.ts'

const now = Date.UTC(2026, 0, 1, 12)
const finalizers = ['kvorum.dev/domain']
const readyDisk: DiskNeed = { state: 'ready', name: 'root', path: '/disk', format: 'qcow2' }
const readyNetwork: NetworkNeed = { state: 'ready', name: 'eth0', bridge: 'kv-1' }

interface Given extends Partial<Omit<Situation, 'run' | 'domain'>> {
  phase?: VirtualMachineInstanceStatus['phase']
  startedAt?: string
  finalizers?: string[]
  /** Seconds ago. */
  deleted?: number
  grace?: number
  state?: ObservedDomain['state']
  stateReason?: ObservedDomain['stateReason']
}

function situation(given: Given): Situation {
  const { phase, startedAt, deleted, grace = 60, state, stateReason = 'unknown', ...rest } = given
  const run = aPlacedRun({
    metadata: {
      finalizers: given.finalizers ?? finalizers,
      ...(deleted !== undefined && { deletionTimestamp: new Date(now - deleted * 1000).toISOString() }),
    },
    spec: { terminationGracePeriodSeconds: grace },
    ...(phase && { status: { phase, startedAt } }),
  })
  const owner = { namespace: 'default', name: 'vm-1', uid: run.metadata.uid }
  return {
    run,
    domain: state && { uuid: run.spec.uuid, name: 'default_vm-1', owner, state, stateReason },
    disks: [readyDisk],
    networks: [readyNetwork],
    lastReason: undefined,
    now,
    hostBootedAt: now - 3_600_000,
    msSinceShutdownAsked: undefined,
    startBackoffMs: 0,
    memory: undefined,
    msSinceResumeTried: undefined,
    suspendBackoffMs: 0,
    definition: undefined,
    ...rest,
  }
}

interface Case {
  readonly name: string
  readonly given: Given
  readonly then: Action
}

const claimed = aDisk()

const starting: readonly Case[] = [
  {
    name: 'the finalizer comes before anything that could be left behind',
    given: { finalizers: [] },
    then: { type: 'add-finalizer' },
  },
  {
    name: 'a disk of no host is claimed',
    given: { disks: [{ state: 'claimable', name: 'root', disk: claimed }] },
    then: { type: 'claim-disks', disks: [claimed] },
  },
  {
    name: 'a disk that is not ready is waited for',
    given: { disks: [readyDisk, { state: 'waiting', name: 'data', message: 'Disk data is not ready' }] },
    then: { type: 'wait', reason: 'WaitingForDisks', message: 'Disk data is not ready' },
  },
  {
    name: 'a network that is not up is waited for',
    given: { networks: [{ state: 'waiting', name: 'eth0', message: 'Network x does not exist' }] },
    then: { type: 'wait', reason: 'WaitingForNetworks', message: 'Network x does not exist' },
  },
  { name: 'with everything there it starts', given: { phase: 'Scheduled' }, then: { type: 'start' } },
  { name: 'an intent that was stored is carried out', given: { phase: 'Starting' }, then: { type: 'start' } },
  {
    name: 'a defined domain that never ran is started',
    given: { phase: 'Starting', state: 'shut-off' },
    then: { type: 'start' },
  },
  {
    name: 'a start that failed is tried again',
    given: { phase: 'Starting', state: 'shut-off', stateReason: 'failed' },
    then: { type: 'start' },
  },
  {
    name: 'but not before its time',
    given: { phase: 'Starting', startBackoffMs: 700 },
    then: { type: 'nothing', wakeAfterMs: 700 },
  },
  {
    name: 'a domain that runs without it being on record is reported',
    given: { phase: 'Starting', state: 'running' },
    then: { type: 'report-running' },
  },
  {
    name: 'a guest that came and went before anybody looked has had its run',
    given: { phase: 'Starting', state: 'shut-off', stateReason: 'guest-shutdown' },
    then: { type: 'record-end' },
  },
]

const going: readonly Case[] = [
  {
    name: 'what runs is reported',
    given: { phase: 'Running', state: 'running' },
    then: { type: 'report-running' },
  },
  {
    name: 'a machine that somebody paused goes on',
    given: { phase: 'Running', state: 'paused' },
    then: { type: 'resume', reverts: true },
  },
  {
    name: 'a machine that is being saved or moved is left alone',
    given: { phase: 'Running', state: 'paused', stateReason: 'busy' },
    then: { type: 'nothing', wakeAfterMs: 1_000 },
  },
  {
    name: 'a machine that is off has ended',
    given: { phase: 'Running', state: 'shut-off', stateReason: 'destroyed' },
    then: { type: 'record-end' },
  },
  {
    name: 'a machine that panicked has ended',
    given: { phase: 'Running', state: 'crashed', stateReason: 'crashed' },
    then: { type: 'record-end' },
  },
  { name: 'a machine that is gone has ended', given: { phase: 'Running' }, then: { type: 'record-end' } },
]

const stopping: readonly Case[] = [
  {
    name: 'the guest is asked first',
    given: { phase: 'Running', state: 'running', deleted: 0 },
    then: { type: 'shutdown', wakeAfterMs: 10_000 },
  },
  {
    name: 'and not again within ten seconds',
    given: { phase: 'Stopping', state: 'running', deleted: 4, msSinceShutdownAsked: 4_000 },
    then: { type: 'nothing', wakeAfterMs: 6_000 },
  },
  {
    name: 'but again after them',
    given: { phase: 'Stopping', state: 'running', deleted: 20, msSinceShutdownAsked: 10_000 },
    then: { type: 'shutdown', wakeAfterMs: 10_000 },
  },
  {
    name: 'waking at the deadline when that is sooner',
    given: { phase: 'Stopping', state: 'running', deleted: 57, msSinceShutdownAsked: 2_000 },
    then: { type: 'nothing', wakeAfterMs: 3_000 },
  },
  {
    name: 'after its grace period it is powered off',
    given: { phase: 'Stopping', state: 'running', deleted: 60, msSinceShutdownAsked: 1_000 },
    then: { type: 'destroy' },
  },
  {
    name: 'without a grace period it is powered off at once',
    given: { phase: 'Running', state: 'running', deleted: 0, grace: 0 },
    then: { type: 'destroy' },
  },
  {
    name: 'how it ended is recorded',
    given: { phase: 'Stopping', state: 'shut-off', deleted: 5 },
    then: { type: 'record-end' },
  },
  {
    name: 'also when the domain is gone',
    given: { phase: 'Running', deleted: 5 },
    then: { type: 'record-end' },
  },
  {
    name: 'a run that may have started is recorded too',
    given: { phase: 'Starting', deleted: 5 },
    then: { type: 'record-end' },
  },
  {
    name: 'a run that never started is let go',
    given: { phase: 'Scheduled', deleted: 0 },
    then: { type: 'release' },
  },
  {
    name: 'and nothing is started for it any more',
    given: { deleted: 0, finalizers: [] },
    then: { type: 'nothing' },
  },
]

const ended: readonly Case[] = [
  {
    name: 'its domain is taken away',
    given: { phase: 'Failed', state: 'shut-off' },
    then: { type: 'undefine' },
  },
  {
    name: 'a domain that somebody started again is powered off',
    given: { phase: 'Succeeded', state: 'running' },
    then: { type: 'destroy' },
  },
  { name: 'it is never started again', given: { phase: 'Failed' }, then: { type: 'nothing' } },
  {
    name: 'deleted, it is let go',
    given: { phase: 'Succeeded', deleted: 1 },
    then: { type: 'release' },
  },
  {
    name: 'deleted, its domain goes first',
    given: { phase: 'Succeeded', deleted: 1, state: 'shut-off' },
    then: { type: 'undefine' },
  },
  {
    name: 'let go already, nothing is left to do',
    given: { phase: 'Succeeded', deleted: 1, finalizers: ['someone.else/finalizer'] },
    then: { type: 'nothing' },
  },
]

describe('a run that has yet to start', () => {
  test.each(starting)('$name', ({ given, then }) => expect(decide(situation(given))).toEqual(then))
})

describe('a run that goes on', () => {
  test.each(going)('$name', ({ given, then }) => expect(decide(situation(given))).toEqual(then))
})

describe('a run that is to end', () => {
  test.each(stopping)('$name', ({ given, then }) => expect(decide(situation(given))).toEqual(then))
})

describe('a run that is over', () => {
  test.each(ended)('$name', ({ given, then }) => expect(decide(situation(given))).toEqual(then))
})
