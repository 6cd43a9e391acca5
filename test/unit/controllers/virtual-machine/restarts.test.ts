import { describe, expect, test } from 'vitest'
import { virtualMachineInstances, virtualMachines } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { restartDelayMs, restartsBefore } from '../../../../controllers/virtual-machine/back-off.ts'
import type { Overrides } from '../../../support/builders.ts'
import type { VirtualMachine } from '../../../../crds/v1alpha1/virtual-machine.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { aMachineWithDisk, anInstallation } from '../support/installation.ts'
import { world } from '../support/world.ts'

describe('restartDelayMs', () => {
  test.each([
    [0, 0],
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [9, 256_000],
    [10, 300_000],
    [1_000_000, 300_000],
  ])('after %i restarts in a row the next waits %i ms', (restarts, ms) => {
    expect(restartDelayMs(restarts)).toBe(ms)
  })
})

describe('restartsBefore', () => {
  test.each([
    ['a short run adds to what is counted', 3, 59_999, 3],
    ['a run of a minute wipes the slate', 3, 60_000, 0],
    ['nothing is counted at first', undefined, 0, 0],
  ])('%s', (_name, stored, lifeMs, expected) => {
    expect(restartsBefore(stored, lifeMs)).toBe(expected)
  })
})

async function running(spec: Overrides<VirtualMachine['spec']> = {}) {
  const w = world(...anInstallation(), aMachineWithDisk('web', spec))
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  return {
    w,
    settle,
    /** Lets the machine run for a time, and its run end. */
    async endAfter(ms: number, ...[reason, message]: [Parameters<typeof daemons.endRun>[1], string?]) {
      await w.clock.advance(ms)
      await daemons.work()
      await daemons.endRun('web', reason, message)
      await settle()
    },
    async setPower(power: 'Running' | 'Stopped') {
      const key = { name: 'web', namespace: 'default' }
      await w.client.patch(virtualMachines, key, { type: 'merge', body: { spec: { power } } })
      await settle()
    },
    machine: () => w.get(virtualMachines, 'web'),
    runUid: async () => (await w.find(virtualMachineInstances, 'web'))?.metadata.uid,
  }
}

test('a crash is followed by the next run at once, and told', async () => {
  const m = await running()
  const first = await m.runUid()
  await m.endAfter(5_000, 'Crashed', 'QEMU was killed')
  expect(await m.runUid()).not.toBe(first)
  const { status } = await m.machine()
  expect(status).toMatchObject({
    phase: 'Running',
    restarts: 1,
    lastRun: { uid: first, reason: 'Crashed', message: 'QEMU was killed' },
  })
  expect(m.w.events).toContainEqual({
    type: 'Warning',
    object: 'web',
    reason: 'Restarting',
    note: 'The run ended with Crashed: QEMU was killed; the next one follows',
  })
})

test('from the second crash in a row on the next start waits, longer each time', async () => {
  const m = await running()
  await m.endAfter(1_000, 'Crashed')
  for (const delayMs of [1_000, 2_000, 4_000]) {
    await m.endAfter(1_000, 'Crashed')
    const waiting = await m.machine()
    expect(waiting.status?.phase).toBe('BackOff')
    expect(getCondition(waiting, 'Ready')?.reason).toBe('BackOff')
    expect(Date.parse(waiting.status?.nextStartAt ?? '')).toBe(m.w.clock.now() + delayMs)
    expect(await m.runUid()).toBeUndefined()

    await m.w.clock.advance(delayMs - 1)
    await m.settle()
    expect(await m.runUid()).toBeUndefined()
    await m.w.clock.advance(1)
    await m.settle()
    const again = await m.machine()
    expect(again.status?.phase).toBe('Running')
    expect(again.status?.nextStartAt).toBeUndefined()
  }
  expect(m.w.events.filter(({ reason }) => reason === 'BackOff')).toHaveLength(3)
})

test('the pass that waits asks to be woken when the next start is due', async () => {
  const m = await running()
  await m.endAfter(1_000, 'Crashed')
  await m.endAfter(1_000, 'Crashed')
  await m.w.clock.advance(400)
  await m.w.sync()
  expect(await m.w.pass('machine', 'default/web')).toEqual({ next: 'retry', afterMs: 600 })
})

test('a wall clock that was set back does not make a machine wait longer than its delay', async () => {
  const m = await running()
  await m.endAfter(1_000, 'Crashed')
  await m.endAfter(1_000, 'Crashed')
  m.w.clock.jumpWallClock(-86_400_000)
  await m.w.sync()
  expect(await m.w.pass('machine', 'default/web')).toEqual({ next: 'retry', afterMs: 2_000 })
})

test('a machine that stays up for a minute starts counting anew', async () => {
  const m = await running()
  await m.endAfter(1_000, 'Crashed')
  expect((await m.machine()).status?.restarts).toBe(1)
  await m.w.sync()
  expect(await m.w.pass('machine', 'default/web')).toEqual({ next: 'retry', afterMs: 60_000 })
  await m.w.clock.advance(60_000)
  await m.settle()
  expect((await m.machine()).status?.restarts).toBeUndefined()
  await m.endAfter(0, 'Crashed')
  expect((await m.machine()).status).toMatchObject({ phase: 'Running', restarts: 1 })
})

test('a shutdown from inside the guest is respected until power goes to Stopped and back', async () => {
  const m = await running()
  await m.endAfter(5_000, 'GuestShutdown')
  const resting = await m.machine()
  expect(resting.status?.phase).toBe('Stopped')
  expect(getCondition(resting, 'Ready')).toMatchObject({ status: 'False', reason: 'GuestShutdown' })

  m.w.restart()
  await m.settle()
  expect((await m.machine()).status?.phase).toBe('Stopped')

  await m.setPower('Stopped')
  expect(await m.runUid()).toBeUndefined()
  await m.setPower('Running')
  expect((await m.machine()).status?.phase).toBe('Running')
})

test('under Always a shutdown from inside the guest is followed by the next run', async () => {
  const m = await running({ restartPolicy: 'Always' })
  const first = await m.runUid()
  await m.endAfter(5_000, 'GuestShutdown')
  expect((await m.machine()).status?.phase).toBe('Running')
  expect(await m.runUid()).not.toBe(first)
})

test('under Never a crash leaves the machine Failed until power goes to Stopped and back', async () => {
  const m = await running({ restartPolicy: 'Never' })
  await m.endAfter(5_000, 'Crashed', 'QEMU was killed')
  const failed = await m.machine()
  expect(failed.status?.phase).toBe('Failed')
  expect(getCondition(failed, 'Ready')).toMatchObject({
    reason: 'Crashed',
    message: expect.stringMatching(/^QEMU was killed/) as string,
  })
  await m.setPower('Stopped')
  await m.setPower('Running')
  expect((await m.machine()).status?.phase).toBe('Running')
})

test('a run that somebody deletes is followed by the next, and is no restart', async () => {
  const m = await running()
  const first = await m.runUid()
  await m.w.client.delete(virtualMachineInstances, { name: 'web', namespace: 'default' })
  await m.settle()
  expect((await m.machine()).status).toMatchObject({ phase: 'Running' })
  expect((await m.machine()).status?.restarts).toBeUndefined()
  expect(await m.runUid()).not.toBe(first)
})

test('power Stopped during back-off stops the waiting and forgets the count', async () => {
  const m = await running()
  await m.endAfter(1_000, 'Crashed')
  await m.endAfter(1_000, 'Crashed')
  await m.setPower('Stopped')
  const { status } = await m.machine()
  expect(status?.phase).toBe('Stopped')
  expect(status?.nextStartAt).toBeUndefined()
  expect(status?.restarts).toBeUndefined()
  await m.setPower('Running')
  expect((await m.machine()).status?.phase).toBe('Running')
})
