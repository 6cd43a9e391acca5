import { expect, test } from 'vitest'
import { virtualMachineInstances, virtualMachines } from '../../../../apimachinery/client/resources.ts'
import { getCondition } from '../../../../apimachinery/conditions.ts'
import { fakeDaemons } from '../support/daemon.ts'
import { aMachineWithDisk, anInstallation } from '../support/installation.ts'
import { world } from '../support/world.ts'

const key = { name: 'web', namespace: 'default' }

const start = async (spec: object = {}) => {
  const w = world(...anInstallation(), aMachineWithDisk('web', spec))
  const daemons = fakeDaemons(w.client, w.clock)
  const settle = () => w.settle(() => daemons.work())
  await settle()
  const patch = async (change: object) => {
    await w.client.patch(virtualMachines, key, { type: 'merge', body: { spec: change } })
    await settle()
  }
  const reasons = () => w.events.filter(({ object }) => object === 'web').map(({ reason }) => reason)
  /** What the host's daemon would say about the run. */
  const daemonSays = async (phase: string, reason: string, more: object = {}) => {
    const run = await w.get(virtualMachineInstances, 'web')
    const ready = { type: 'Ready', status: 'False', reason, message: `It is ${phase}` } as const
    const conditions = [{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]
    const status = { ...run.status, phase, conditions, ...more }
    await w.client.update(virtualMachineInstances, { ...run, status } as typeof run, {
      subresource: 'status',
    })
    await settle()
  }
  return { w, daemons, settle, patch, reasons, daemonSays }
}

test('the restart token restarts the machine once per change, and taking it away never', async () => {
  const { w, patch, reasons, settle } = await start()
  const uid = async () => (await w.get(virtualMachineInstances, 'web')).metadata.uid
  const first = await uid()

  await patch({ restartToken: 'a' })
  const second = await uid()
  expect(second).not.toBe(first)
  expect((await w.get(virtualMachineInstances, 'web')).spec.restartToken).toBe('a')
  expect(reasons()).toContain('RestartRequested')

  w.restart()
  await settle()
  expect(await uid()).toBe(second)

  await patch({ restartToken: null })
  expect(await uid()).toBe(second)
  await patch({ restartToken: 'a' })
  expect(await uid()).toBe(second)
  await patch({ restartToken: 'b' })
  expect(await uid()).not.toBe(second)
  const vm = await w.get(virtualMachines, 'web')
  expect(vm.status).toMatchObject({ phase: 'Running', lastRun: { reason: 'Requested', uid: second } })
  expect(vm.status?.restarts).toBeUndefined()
})

test('a token that was changed while the machine was off restarts nothing', async () => {
  const { w, patch } = await start({ restartToken: 'a', power: 'Stopped' })
  await patch({ restartToken: 'b' })
  await patch({ power: 'Running' })
  const run = await w.get(virtualMachineInstances, 'web')
  expect(run.spec.restartToken).toBe('b')
  expect((await w.get(virtualMachines, 'web')).status?.lastRun).toBeUndefined()
})

test('a machine that failed for good is started by a new token', async () => {
  const { w, daemons, settle, patch } = await start({ restartPolicy: 'Never' })
  await daemons.endRun('web', 'Panicked')
  await settle()
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Failed')
  await patch({ restartToken: 'again' })
  expect((await w.get(virtualMachines, 'web')).status).toMatchObject({
    phase: 'Running',
    lastRun: { reason: 'Panicked' },
  })
})

test('power, start order and drift reach the run while it goes on, and want no restart', async () => {
  const { w, patch } = await start()
  const before = await w.get(virtualMachineInstances, 'web')
  await patch({ power: 'Paused', drift: 'Report', startup: { order: 7, delaySeconds: 3 } })
  const run = await w.get(virtualMachineInstances, 'web')
  expect(run.metadata.uid).toBe(before.metadata.uid)
  expect(run.spec).toMatchObject({
    power: 'Paused',
    drift: 'Report',
    startup: { order: 7, delaySeconds: 3 },
  })
  const vm = await w.get(virtualMachines, 'web')
  expect(getCondition(vm, 'RestartRequired')?.status).toBe('False')
})

test('a machine that stands still says so, keeps its run, and can be stopped', async () => {
  const { w, patch, reasons, daemonSays } = await start({ power: 'Paused' })
  await daemonSays('Paused', 'Paused')
  const vm = await w.get(virtualMachines, 'web')
  expect(vm.status).toMatchObject({ phase: 'Paused', hostName: 'host-1' })
  expect(getCondition(vm, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'Paused',
    message: 'It is Paused',
  })
  expect(reasons()).toContain('Paused')
  await patch({ power: 'Stopped' })
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Stopped')
})

test('a suspended machine keeps its run and its disks, and a token does not wake it', async () => {
  const { w, patch, daemonSays } = await start()
  await patch({ power: 'Suspended' })
  await daemonSays('Suspended', 'Suspended', { savedMemory: { path: '/disks/web.memory' } })
  const run = await w.get(virtualMachineInstances, 'web')
  await patch({ restartToken: 'x' })
  await patch({ power: 'Running' })
  // It is asleep: it wakes up first.
  expect((await w.get(virtualMachineInstances, 'web')).metadata.uid).toBe(run.metadata.uid)
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Suspended')
})

test('what is to be suspended before it ever ran is not started', async () => {
  const { w } = await start({ power: 'Suspended' })
  expect(await w.find(virtualMachineInstances, 'web')).toBeUndefined()
  const vm = await w.get(virtualMachines, 'web')
  expect(vm.status?.phase).toBe('Stopped')
  expect(getCondition(vm, 'Ready')?.message).toMatch(/nothing to suspend/)
})

test('lost memory is never followed by a start that nobody asked for', async () => {
  const { w, daemons, settle, patch } = await start({ restartPolicy: 'Always' })
  await daemons.endRun('web', 'MemoryLost', 'The saved memory is gone')
  await settle()
  const failed = await w.get(virtualMachines, 'web')
  expect(failed.status?.phase).toBe('Failed')
  expect(getCondition(failed, 'Ready')?.message).toMatch(/^The saved memory is gone; set power to Stopped/)
  await patch({ power: 'Stopped' })
  await patch({ power: 'Running' })
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Running')
})

test('drift that the host reports is mirrored and told', async () => {
  const { w, reasons, settle } = await start()
  const run = await w.get(virtualMachineInstances, 'web')
  const drifted = {
    type: 'Drifted',
    status: 'True',
    reason: 'PowerChanged',
    message: 'Somebody paused the machine',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  } as const
  const conditions = [...(run.status?.conditions ?? []), drifted]
  const status = { ...run.status, conditions }
  await w.client.update(virtualMachineInstances, { ...run, status }, { subresource: 'status' })
  await settle()
  const vm = await w.get(virtualMachines, 'web')
  expect(getCondition(vm, 'Drifted')).toMatchObject({ status: 'True', reason: 'PowerChanged' })
  expect(reasons()).toContain('PowerChanged')
})

test('a protected machine that is deleted with its namespace runs on until it is not protected any more', async () => {
  const { w, patch, settle, reasons } = await start({ deletionProtection: true })
  await w.client.delete(virtualMachines, key)
  await settle()
  const held = await w.get(virtualMachines, 'web')
  expect(held.status?.phase).toBe('Running')
  expect(getCondition(held, 'Ready')).toMatchObject({ status: 'False', reason: 'Protected' })
  expect((await w.get(virtualMachineInstances, 'web')).metadata.deletionTimestamp).toBeUndefined()
  expect(reasons()).toContain('Protected')
  await patch({ deletionProtection: false })
  expect(await w.find(virtualMachines, 'web')).toBeUndefined()
})
