import { beforeAll, describe, expect, test } from 'vitest'
import { aMachine, isReady, type KubeObject, thePlatform } from '../support/kvorum-system-objects.ts'
import { until } from '../support/kvorum-system-until.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

let bootId: string
beforeAll(async () => {
  await system.apply(...thePlatform, aMachine('web', { deletionProtection: true }))
  await system.waitFor('vm/web', isReady)
  bootId = await system.bootIdOf('web')
}, 200_000)

const phaseIs = (phase: string) => (object: KubeObject) => object.status?.phase === phase

async function patch(spec: object): Promise<void> {
  await system.kubectl('patch', 'vm/web', '--type=merge', '-p', JSON.stringify({ spec }))
}

async function uuid(): Promise<string> {
  return (await system.get('vm/web')).status?.uuid ?? ''
}

const domainState = async () => (await system.virsh('domstate', await uuid())).trim()

describe('power Paused', () => {
  test('stands still with its memory, and goes on', async () => {
    await patch({ power: 'Paused' })
    await system.waitFor('vm/web', phaseIs('Paused'))
    expect(await domainState()).toBe('paused')
    expect(await system.kubectl('get', 'vm', 'web')).toContain('Paused')

    await patch({ power: 'Running' })
    await system.waitFor('vm/web', isReady)
    expect(await system.bootIdOf('web')).toBe(bootId)
  })

  test('a machine that somebody paused goes on within five seconds, and it is told', async () => {
    const startedAt = performance.now()
    await system.virsh('suspend', await uuid())
    await until(async () => (await domainState()) === 'running', 'the machine to go on')
    process.stdout.write(`resumed ${Math.round(performance.now() - startedAt)} ms after virsh suspend\n`)
    const told = await until(async () => {
      const text = await system.kubectl('describe', 'vmi', 'web')
      return text.includes('DriftReverted') ? text : undefined
    }, 'the Event about it')
    expect(told).toMatch(/DriftReverted .*paused or resumed the machine behind Kvorum/)
  })
})

describe('the definition on the host', () => {
  test('is put back after virsh undefine, and the machine runs on', async () => {
    await system.virsh('undefine', '--keep-nvram', await uuid())
    await until(
      async () => /^Persistent: *yes$/m.test(await system.virsh('dominfo', await uuid())),
      'the definition to be back',
    )
    expect(await system.bootIdOf('web')).toBe(bootId)
  })
})

describe('power Suspended', () => {
  test('keeps the memory in a file beside the disk, and comes back after a restart of everything', async () => {
    await patch({ power: 'Suspended' })
    await system.waitFor('vm/web', phaseIs('Suspended'))
    expect(await system.qemuPids('web')).toEqual([])
    const memory = (await system.files()).filter((name) => name.endsWith('.memory'))
    expect(memory).toHaveLength(1)

    await system.kill('node-daemon', 'SIGKILL')
    await system.host.killLibvirtd()
    await system.host.startLibvirtd()
    await system.pidOf('node-daemon')

    await patch({ power: 'Running' })
    await system.waitFor('vm/web', isReady)
    expect(await system.bootIdOf('web')).toBe(bootId)
    expect((await system.files()).filter((name) => name.endsWith('.memory'))).toEqual([])
  })
})

describe('the restart token', () => {
  test('restarts the machine once', async () => {
    const { uid } = (await system.get('vmi/web')).metadata
    await patch({ restartToken: 'monday' })
    const after = await system.waitFor('vm/web', (vm) => isReady(vm) && vm.status?.lastRun?.uid === uid)
    expect(after.status?.lastRun?.reason).toBe('Requested')
    expect(await system.bootIdOf('web')).not.toBe(bootId)
  })
})

describe('deletion protection', () => {
  test('refuses to delete the machine until it is taken away', async () => {
    const refused = await system.tryKubectl(['delete', 'vm', 'web', '--timeout=20s'])
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('machine web is protected: set spec.deletionProtection to false')
    await patch({ deletionProtection: false })
    await system.kubectl('delete', 'vm', 'web', '--timeout=120s')
    expect(await system.kubectl('get', 'vm,vmi,disk', '-o', 'name')).toBe('')
  })
})
