import { beforeAll, describe, expect, test } from 'vitest'
import {
  aMachine,
  conditionOf,
  isReady,
  type KubeObject,
  thePlatform,
} from '../support/kvorum-system-objects.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

beforeAll(async () => {
  await system.apply(
    ...thePlatform,
    aMachine('destroyed', { restartPolicy: 'OnFailure' }),
    aMachine('killed', { restartPolicy: 'OnFailure' }),
    aMachine('left-off', { restartPolicy: 'OnFailure' }),
    aMachine('always', { restartPolicy: 'Always' }),
    aMachine('never', { restartPolicy: 'Never' }),
  )
  const names = ['destroyed', 'killed', 'left-off', 'always', 'never']
  await Promise.all(names.map((name) => system.waitFor(`vm/${name}`, isReady)))
}, 200_000)

describe('a machine that ends by itself', () => {
  test('runs again after virsh destroy', async () => {
    const { uuid } = (await system.get('vm/destroyed')).status ?? {}

    const after = await outlives('destroyed', () => system.virsh('destroy', uuid ?? ''))

    expect(after.status?.lastRun?.reason).toBe('Destroyed')
    expect(await system.kubectl('describe', 'vm', 'destroyed')).toMatch(/ Restarting .*Destroyed/)
  })

  test('runs again after its QEMU process was killed', async () => {
    const [pid] = await system.qemuPids('killed')

    const after = await outlives('killed', () => system.host.exec(['kill', '-KILL', String(pid)]))

    expect(after.status?.lastRun?.reason).toBe('Crashed')
    expect(await system.kubectl('describe', 'vm', 'killed')).toMatch(/ Restarting .*Crashed/)
  })

  test('stays off after a poweroff inside the guest, until it is switched off and on', async () => {
    await system.startInGuest('left-off', '/bin/busybox', 'poweroff')
    const off = await system.waitFor('vm/left-off', ({ status }) => status?.phase === 'Stopped')

    expect(off.status?.lastRun?.reason).toBe('GuestShutdown')
    expect(conditionOf(off, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'GuestShutdown',
      message: 'The guest shut itself down; set power to Stopped and back to Running to start it again',
    })
    expect(await system.qemuPids('left-off')).toEqual([])

    await system.kubectl('patch', 'vm/left-off', '--type=merge', '-p', '{"spec":{"power":"Stopped"}}')
    await system.waitFor('vm/left-off', (vm) => conditionOf(vm, 'Ready').reason === 'Stopped')
    await system.kubectl('patch', 'vm/left-off', '--type=merge', '-p', '{"spec":{"power":"Running"}}')
    await system.waitFor('vm/left-off', isReady)
  })

  test('runs again after a poweroff inside the guest, when it is always to run', async () => {
    const after = await outlives('always', () => system.startInGuest('always', '/bin/busybox', 'poweroff'))

    expect(after.status?.lastRun?.reason).toBe('GuestShutdown')
  })

  test('stays down after a crash, when it is never to restart', async () => {
    const [pid] = await system.qemuPids('never')

    await system.host.exec(['kill', '-KILL', String(pid)])
    const failed = await system.waitFor('vm/never', ({ status }) => status?.phase === 'Failed')

    expect(failed.status?.lastRun?.reason).toBe('Crashed')
    expect(conditionOf(failed, 'Ready').reason).toBe('Crashed')
    expect(await system.qemuPids('never')).toEqual([])
  })
})

/** Does what ends the machine's run; resolves to the machine when its next run is ready. Prints how long QEMU was gone. */
async function outlives(machine: string, end: () => Promise<unknown>): Promise<KubeObject> {
  const before = await system.get(`vmi/${machine}`)
  const bootId = await system.bootIdOf(machine)
  const [first] = await system.qemuPids(machine)
  const startedAt = performance.now()

  await end()
  const [second] = await until(async () => {
    const pids = await system.qemuPids(machine)
    return pids.length > 0 && !pids.includes(first ?? 0) && pids
  }, `the next QEMU of ${machine}`)
  const ms = Math.round(performance.now() - startedAt)
  const after = await system.waitFor(
    `vm/${machine}`,
    (vm) => isReady(vm) && vm.status?.lastRun?.uid === before.metadata.uid,
  )

  process.stdout.write(`${machine}: the next QEMU ran ${ms} ms after the act that ended the last one\n`)
  expect(await system.qemuPids(machine)).toEqual([second])
  expect(await system.bootIdOf(machine)).not.toBe(bootId)
  expect(after.status?.restarts).toBe(1)
  return after
}
