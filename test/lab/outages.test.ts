import { beforeAll, describe, expect, test } from 'vitest'
import {
  aMachine,
  aTinyMachine,
  conditionOf,
  isReady,
  thePlatform,
} from '../support/kvorum-system-objects.ts'
import { type ProgramName, qemuProcesses } from '../support/kvorum-system-processes.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

/** Lives through everything. */
const steady = 'steady'
/** Comes and goes while programs are killed. */
const other = 'other'
const baseline: { pids?: readonly number[]; bootId?: string; uid?: string; files?: readonly string[] } = {}

beforeAll(async () => {
  await system.apply(...thePlatform, aMachine(steady))
  await system.waitFor(`vm/${steady}`, isReady)
  baseline.pids = await system.qemuPids(steady)
  baseline.bootId = await system.bootIdOf(steady)
  baseline.uid = (await system.get(`vmi/${steady}`)).metadata.uid
  baseline.files = await system.files()
})

describe('libvirtd', () => {
  test('stopped makes the host not ready, and all is well when it returns', async () => {
    await system.host.killLibvirtd('TERM')
    const away = await system.waitFor('host/host-1', (host) => conditionOf(host, 'Ready').status === 'False')
    expect(conditionOf(away, 'Ready').reason).toBe('LibvirtUnavailable')

    await system.apply(aTinyMachine(other))
    await system.host.startLibvirtd()

    await system.waitFor('host/host-1', (host) => conditionOf(host, 'Ready').status === 'True')
    await system.waitFor(`vm/${other}`, isReady)
    await deleteOther()
    await expectNothingNoticed()
  })
})

interface Fault {
  readonly name: string
  readonly strike: () => Promise<void>
}

const killed = (program: Exclude<ProgramName, 'up'>): Fault => ({
  name: `kill -9 of ${program}`,
  strike: () => system.kill(program, 'SIGKILL'),
})

const faults: Fault[] = [
  killed('apiserver'),
  killed('controllers'),
  killed('node-daemon'),
  killed('etcd'),
  {
    name: 'kill -9 of kvorum up, and a new kvorum up',
    async strike() {
      await system.kill('up', 'SIGKILL')
      await system.up()
    },
  },
]

describe.each(faults)('$name', ({ strike }) => {
  test('with nothing going on is not noticed', async () => {
    await strike()

    await system.wait('condition=Ready', 'host/host-1')
    // A change that has to go all the way round shows that everything works again.
    await system.apply(aTinyMachine(other))
    await system.waitFor(`vm/${other}`, isReady)
    await expectNothingNoticed([other])
  })

  test('while a machine is being deleted leaves nothing behind', async () => {
    await system.kubectl('delete', 'vm', other, '--wait=false')
    await strike()

    await otherIsGone()
    await expectNothingNoticed()
  })

  test.each([
    ['as soon as it is asked for', () => Promise.resolve()],
    [
      'when it has been placed',
      async () => void (await system.waitFor(`vm/${other}`, ({ status }) => status?.hostName !== undefined)),
    ],
    [
      'when its QEMU is there',
      async () => void (await until(async () => (await system.qemuPids(other)).length > 0, 'its QEMU')),
    ],
  ])('while a machine is being made, %s, delays it at most', async (_, moment) => {
    await system.apply(aTinyMachine(other))
    await moment()
    await strike()

    const made = await system.waitFor(`vm/${other}`, isReady)

    expect(made.status?.restarts).toBeUndefined()
    expect(await system.qemuPids(other)).toHaveLength(1)
    await deleteOther()
    await expectNothingNoticed()
  })
})

async function deleteOther(): Promise<void> {
  await system.kubectl('delete', 'vm', other, '--timeout=120s')
  await otherIsGone()
}

async function otherIsGone(): Promise<void> {
  await until(async () => {
    const { code, stdout } = await system.tryKubectl(['get', 'vm,vmi,disk', '-o', 'name'])
    return code === 0 && !stdout.includes(other)
  }, 'every object of the other machine to go')
}

/** The steady machine went on as if nothing were, nothing runs twice, and nothing else is left. */
async function expectNothingNoticed(besides: readonly string[] = []): Promise<void> {
  const steadyNow = await system.waitFor(`vm/${steady}`, isReady)
  expect(await system.qemuPids(steady)).toEqual(baseline.pids)
  expect(await system.bootIdOf(steady)).toBe(baseline.bootId)
  expect((await system.get(`vmi/${steady}`)).metadata.uid).toBe(baseline.uid)
  expect(steadyNow.status?.restarts).toBeUndefined()
  const processes = [...(await qemuProcesses(system.host)).values()]
  expect(processes.map((pids) => pids.length)).toEqual(Array.from({ length: 1 + besides.length }, () => 1))
  if (besides.length > 0) return
  expect((await system.virsh('list', '--all', '--name')).trim().split('\n')).toHaveLength(1)
  expect(await system.files()).toEqual(baseline.files)
}
