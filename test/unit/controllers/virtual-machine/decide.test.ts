import { describe, expect, test } from 'vitest'
import {
  type Act,
  decide,
  type Follow,
  followOf,
  type RestartPolicy,
  runEndOf,
  type Situation,
} from '../../../../controllers/virtual-machine/decide.ts'
import { type RunEnd, RunEndReason } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'

describe('followOf', () => {
  const rows: [RunEnd, RestartPolicy, Follow][] = [
    ['Requested', 'Always', 'Start'],
    ['Requested', 'OnFailure', 'Start'],
    ['Requested', 'Never', 'Start'],
    ['GuestShutdown', 'Always', 'Restart'],
    ['GuestShutdown', 'OnFailure', 'StayStopped'],
    ['GuestShutdown', 'Never', 'StayStopped'],
    ['MemoryLost', 'Always', 'StayFailed'],
    ['MemoryLost', 'OnFailure', 'StayFailed'],
    ['MemoryLost', 'Never', 'StayFailed'],
    ...(
      ['Panicked', 'Watchdog', 'Crashed', 'Destroyed', 'Failed', 'HostRestarted', 'Unknown'] as const
    ).flatMap((end): [RunEnd, RestartPolicy, Follow][] => [
      [end, 'Always', 'Restart'],
      [end, 'OnFailure', 'Restart'],
      [end, 'Never', 'StayFailed'],
    ]),
  ]
  test.each(rows)('after %s under %s comes %s', (end, policy, follow) => {
    expect(followOf('Running', policy, end)).toBe(follow)
  })

  test('the table has a row for every end and every policy', () => {
    expect(rows.length).toBe(Object.keys(RunEndReason).length * 3)
  })

  test.each(rows)('after %s under %s nothing follows when power is Stopped', (end, policy) => {
    expect(followOf('Stopped', policy, end)).toBe('Stop')
  })

  test.each(rows)('after %s under %s power Paused is followed as Running is', (end, policy, follow) => {
    expect(followOf('Paused', policy, end)).toBe(follow)
  })

  test.each(rows)('after %s under %s nothing starts while power is Suspended', (end, policy) => {
    expect(followOf('Suspended', policy, end)).toBe(end === 'MemoryLost' ? 'StayFailed' : 'Stop')
  })
})

describe('runEndOf', () => {
  test.each([
    ['Crashed', 'Crashed'],
    [undefined, 'Unknown'],
    ['AbductedByAliens', 'Unknown'],
    ['constructor', 'Unknown'],
  ])('%s is read as %s', (reason, end) => {
    expect(runEndOf(reason)).toBe(end)
  })
})

describe('decide', () => {
  const going = {
    end: undefined,
    recorded: false,
    deleting: false,
    superseded: false,
    begun: true,
    restartAsked: false,
  }
  const over = { ...going, end: 'Crashed', recorded: true } as const
  const cases: { name: string; situation: Partial<Situation>; act: Act }[] = [
    { name: 'starts when nothing runs and all is there', situation: {}, act: { do: 'start' } },
    { name: 'rests when a dependency is missing', situation: { possible: false }, act: { do: 'rest' } },
    { name: 'rests when stopped', situation: { power: 'Stopped' }, act: { do: 'rest' } },
    { name: 'waits while back-off lasts', situation: { waitMs: 700 }, act: { do: 'wait', ms: 700 } },
    {
      name: 'rests, without a timer, in back-off when a dependency is missing',
      situation: { waitMs: 700, possible: false },
      act: { do: 'rest' },
    },
    { name: 'keeps a run that goes on', situation: { run: going }, act: { do: 'keep' } },
    {
      name: 'keeps a run that goes on although a dependency is missing now',
      situation: { run: going, possible: false },
      act: { do: 'keep' },
    },
    {
      name: 'ends a run when power is Stopped',
      situation: { run: going, power: 'Stopped' },
      act: { do: 'end', unchanged: false },
    },
    {
      name: 'asks only once for the end of a run',
      situation: { run: { ...going, deleting: true }, power: 'Stopped' },
      act: { do: 'keep' },
    },
    {
      name: 'replaces a run that never came up and whose spec has changed, if it is still as it was seen',
      situation: { run: { ...going, superseded: true } },
      act: { do: 'end', unchanged: true },
    },
    {
      name: 'records how a run ended before anything else',
      situation: { run: { ...over, recorded: false } },
      act: { do: 'record', follow: 'Restart' },
    },
    {
      name: 'records it also when the run is being deleted',
      situation: { run: { ...over, recorded: false, deleting: true } },
      act: { do: 'record', follow: 'Restart' },
    },
    {
      name: 'clears a run that is over and recorded',
      situation: { run: over },
      act: { do: 'end', unchanged: false },
    },
    {
      name: 'waits until a cleared run is gone',
      situation: { run: { ...over, deleting: true } },
      act: { do: 'rest' },
    },
    {
      name: 'leaves a run that stays over, as the sign of it',
      situation: { run: over, restartPolicy: 'Never' },
      act: { do: 'rest' },
    },
    {
      name: 'ends a run once when another restart token asks for it',
      situation: { run: { ...going, restartAsked: true } },
      act: { do: 'end', unchanged: false, restart: true },
    },
    {
      name: 'not again while it is ending',
      situation: { run: { ...going, restartAsked: true, deleting: true } },
      act: { do: 'keep' },
    },
    {
      name: 'starts again what stays over when the restart token asks for it',
      situation: { run: { ...over, restartAsked: true }, restartPolicy: 'Never' },
      act: { do: 'end', unchanged: false, restart: true },
    },
    {
      name: 'restarts a paused machine too',
      situation: { run: { ...going, restartAsked: true }, power: 'Paused' },
      act: { do: 'end', unchanged: false, restart: true },
    },
    {
      name: 'leaves a machine that is to be suspended, whatever the restart token says',
      situation: { run: { ...going, restartAsked: true }, power: 'Suspended' },
      act: { do: 'keep' },
    },
    {
      name: 'keeps a run that is to stand still',
      situation: { run: going, power: 'Paused' },
      act: { do: 'keep' },
    },
    {
      name: 'ends a run that has not begun instead of suspending it',
      situation: { run: { ...going, begun: false }, power: 'Suspended' },
      act: { do: 'end', unchanged: true },
    },
    {
      name: 'starts nothing that is to be suspended',
      situation: { power: 'Suspended' },
      act: { do: 'rest' },
    },
    { name: 'starts what is to stand still', situation: { power: 'Paused' }, act: { do: 'start' } },
    {
      name: 'clears that sign when power goes to Stopped',
      situation: { run: over, restartPolicy: 'Never', power: 'Stopped' },
      act: { do: 'end', unchanged: false },
    },
  ]
  test.each(cases)('$name', ({ situation, act }) => {
    const base: Situation = { power: 'Running', restartPolicy: 'OnFailure', possible: true, waitMs: 0 }
    expect(decide({ ...base, ...situation })).toEqual(act)
  })
})
