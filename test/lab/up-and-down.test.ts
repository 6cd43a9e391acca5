import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { aMachine, isReady, type KubeObject, thePlatform } from '../support/kvorum-system-objects.ts'
import { processesOf } from '../support/kvorum-system-processes.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

let machine: KubeObject
let run: string
beforeAll(async () => {
  await system.apply(...thePlatform, aMachine('steady'))
  machine = await system.waitFor('vm/steady', isReady)
  run = (await system.get('vmi/steady')).metadata.uid
})

describe('kvorum up', () => {
  test('ends on Ctrl-C with its programs and leaves machines to the next one', async () => {
    const [pids, bootId] = [await system.qemuPids('steady'), await system.bootIdOf('steady')]

    await system.kill('up', 'SIGINT')
    expect(await programs()).toEqual([])
    expect(await qemus()).toEqual(pids)
    await system.up()
    const adopted = await system.waitFor('vm/steady', isReady)

    expect(await system.qemuPids('steady')).toEqual(pids)
    expect(await system.bootIdOf('steady')).toBe(bootId)
    expect((await system.get('vmi/steady')).metadata.uid).toBe(run)
    expect(adopted.status?.restarts).toBeUndefined()
  })

  test('refuses to run twice in one data directory', async () => {
    const again = await system
      .kvorum('up', '--data-dir', system.dataDir)
      .catch((error: Error) => error.message)

    expect(again).toMatch(/error: kvorum up runs here already, as process \d+: stop it with kvorum down/)
  })
})

describe('kvorum down', () => {
  test('--keep-machines stops the programs alone', async () => {
    const pids = await system.qemuPids('steady')

    await system.kvorum('down', '--data-dir', system.dataDir, '--keep-machines')

    expect(await programs()).toEqual([])
    expect(await qemus()).toEqual(pids)
  })

  test('stops the machines too, also when the programs do not run any more', async () => {
    const printed = await system.kvorum('down', '--data-dir', system.dataDir)

    expect(printed).toMatch(/^1 machines? stopped$/m)
    expect(await qemus()).toEqual([])
    expect(existsSync(join(system.dataDir, 'up.pid'))).toBe(false)
  })

  test('changes nothing about what is wanted: the next kvorum up starts the machines', async () => {
    await system.up()
    const after = await system.waitFor('vm/steady', (vm) => isReady(vm) && vm.status?.lastRun?.uid === run)

    expect([after.status?.uuid, after.status?.ipAddress]).toEqual([
      machine.status?.uuid,
      machine.status?.ipAddress,
    ])
    expect(after.metadata.uid).toBe(machine.metadata.uid)
  })

  test('ends a running kvorum up with its machines', async () => {
    const printed = await system.kvorum('down', '--data-dir', system.dataDir)

    expect(printed).toMatch(/^Programs stopped$/m)
    expect(printed).toMatch(/^1 machines? stopped$/m)
    expect(await programs()).toEqual([])
    expect(await qemus()).toEqual([])
    expect((await system.virsh('list', '--name')).trim()).toBe('')
  })
})

describe('kvorum up --detach', () => {
  test('that does not get ready says so, and leaves nothing running', async () => {
    const missing = join(system.dataDir, 'no-such-manifests')
    const started = await system
      .kvorum('up', '--detach', '--data-dir', system.dataDir, '--apply', missing)
      .catch((error: Error) => error.message)

    expect(started).toMatch(/kvorum up ended with 1: see .*up\.log/)
    expect(await programs()).toEqual([])
  })
})

/** What is left of `kvorum up`: programs of ours, and etcd. */
async function programs(): Promise<string[]> {
  const ours = (await processesOf(system.host)).filter(
    ({ argv }) => argv.some((argument) => argument.endsWith('/kvorum.mjs')) || argv[0]?.endsWith('etcd'),
  )
  return ours.map(({ argv }) => argv.join(' '))
}

/** Process ids of every QEMU, for when there is no API server to ask for UUIDs. */
async function qemus(): Promise<number[]> {
  const found = (await processesOf(system.host)).filter(({ argv }) => argv[0]?.includes('qemu-system'))
  return found.map(({ pid }) => pid)
}
