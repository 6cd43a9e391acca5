import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { aTinyMachine, type KubeObject, thePlatform } from '../support/kvorum-system-objects.ts'
import { qemuProcesses } from '../support/kvorum-system-processes.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

const count = 20
const names = Array.from({ length: count }, (_, index) => `m-${String(index).padStart(2, '0')}`)

let system: KvorumSystem
useKvorum((started) => (system = started))

test(`${count} machines from one file all run, each with an identity of its own, from one copy of their image`, async () => {
  const file = join(system.dataDir, 'many.yaml')
  const machines = names.map((name) => aTinyMachine(name))
  const documents = [...thePlatform, ...machines].map((object) => stringify(object))
  await writeFile(file, documents.join('---\n'))

  const startedAt = performance.now()
  await system.kubectl('apply', '-f', file)
  const phases = ['get', 'vm', '-o', 'jsonpath={.items[*].status.phase}']
  await until(async () => {
    const running = (await system.tryKubectl(phases)).stdout.split(' ').filter((phase) => phase === 'Running')
    return running.length === count
  }, `${count} machines to run`)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(`${count} machines ran ${seconds} s after kubectl apply began\n`)

  const { items } = JSON.parse(await system.kubectl('get', 'vm', '-o', 'json')) as { items: KubeObject[] }
  const identities = [
    items.map(({ status }) => status?.uuid),
    items.map(({ status }) => status?.interfaces?.[0]?.macAddress),
    items.map(({ status }) => status?.interfaces?.[0]?.ipAddress),
  ]
  for (const values of identities) {
    expect(values).not.toContain(undefined)
    expect(new Set(values).size).toBe(count)
  }
  const running = await qemuProcesses(system.host)
  expect([...running.keys()].toSorted()).toEqual(items.map(({ status }) => status?.uuid ?? '').toSorted())
  expect([...running.values()].every((pids) => pids.length === 1)).toBe(true)
  const { uid } = (await system.get('img/tiny')).metadata
  const copies = (await system.files()).filter((path) => path.includes('/images/') && path.includes(uid))
  expect(copies.filter((path) => path.endsWith('.qcow2'))).toHaveLength(1)
})

test('deleting them all at once leaves only what they were made from', async () => {
  const disks = (paths: readonly string[]) => paths.filter((path) => path.includes('/disks/'))
  expect(disks(await system.files())).toHaveLength(count)

  await system.kubectl('delete', 'vm', '--all', '--timeout=140s')
  await system.wait('delete', 'disk', '--all')

  expect(await system.kubectl('get', 'vm,vmi,disk', '-o', 'name')).toBe('')
  expect((await system.virsh('list', '--all', '--name')).trim()).toBe('')
  expect((await qemuProcesses(system.host)).size).toBe(0)
  expect(disks(await system.files())).toEqual([])
})
