import fc from 'fast-check'
import { expect, test } from 'vitest'
import { disks, virtualMachineInstances, virtualMachines } from '../../../apimachinery/client/resources.ts'
import { StatusError } from '../../../apimachinery/status-error.ts'
import type { KubeObject } from '../../../crds/meta/object-meta.ts'
import type { FakeCall } from '../../support/fake-client.ts'
import { fakeDaemons } from './support/daemon.ts'
import { aMachineWithDisk, anInstallation } from './support/installation.ts'
import { loseAnswers } from './support/lost-answers.ts'
import { type World, world } from './support/world.ts'

const writes = new Set<FakeCall['verb']>(['create', 'update', 'patch', 'delete'])

/** Whether the write that fails was carried out nevertheless, its answer lost. */
type Failure = 'refused' | 'lost'

/**
 * Lives a machine's whole life while the controllers' process crashes at the write of the given number, and again at
 * the one after as many more: each time it begins anew with nothing but what is stored.
 */
async function liveThrough(crashAt: number, failure: Failure): Promise<{ crashed: boolean; w: World }> {
  const w = world(...anInstallation())
  const daemons = fakeDaemons(w.client, w.clock)
  let countdown = crashAt
  let crashed = false
  let armed = true
  let answerIsLost = false
  loseAnswers(w.client, () => {
    const isLost = answerIsLost
    answerIsLost = false
    return isLost
  })
  w.client.onCall((call) => {
    if (!armed || !writes.has(call.verb) || countdown-- !== 0) return
    crashed = true
    countdown = crashAt
    if (failure === 'refused') throw new StatusError('ServiceUnavailable', 'crashed')
    answerIsLost = true
  })
  const settle = async () => {
    for (;;) {
      try {
        armed = true
        return await w.settle(async () => {
          armed = false
          await daemons.work()
          armed = true
        })
      } catch (error) {
        if (!(error instanceof StatusError) || error.reason !== 'ServiceUnavailable') throw error
        w.restart()
      }
    }
  }
  const byUser = async (act: () => Promise<unknown>) => {
    armed = false
    await act()
    await settle()
  }
  const key = { name: 'web', namespace: 'default' }
  const setPower = (power: string) =>
    w.client.patch(virtualMachines, key, { type: 'merge', body: { spec: { power } } })
  const identity = async () => {
    const { status } = await w.get(virtualMachines, 'web')
    return { uuid: status?.uuid, interfaces: status?.interfaces }
  }

  await byUser(() => w.client.create(virtualMachines, aMachineWithDisk('web')))
  const first = await identity()
  await expectRunning(w)
  await byUser(() => daemons.endRun('web', 'Crashed'))
  await expectRunning(w)
  expect((await w.get(virtualMachines, 'web')).status?.restarts).toBe(1)
  await byUser(() => setPower('Stopped'))
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Stopped')
  await byUser(() => setPower('Running'))
  await expectRunning(w)
  expect(await identity()).toEqual(first)
  await byUser(() => w.client.delete(virtualMachines, key))
  for (const resource of [virtualMachines, virtualMachineInstances, disks]) {
    expect((await w.client.list<KubeObject>(resource)).items).toEqual([])
  }
  return { crashed, w }
}

async function expectRunning(w: World): Promise<void> {
  expect((await w.get(virtualMachines, 'web')).status?.phase).toBe('Running')
  expect((await w.client.list(disks)).items).toHaveLength(1)
  expect((await w.client.list(virtualMachineInstances)).items).toHaveLength(1)
}

test.each<Failure>(['refused', 'lost'])(
  'a crash at any write (%s) leaves nothing behind, doubles nothing and changes no identity',
  { timeout: 120_000 },
  async (failure) => {
    let sawCrash = false
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 45 }), async (crashAt) => {
        sawCrash = (await liveThrough(crashAt, failure)).crashed || sawCrash
      }),
      { numRuns: 40 },
    )
    expect(sawCrash).toBe(true)
  },
)
