import { beforeAll, describe, expect, test } from 'vitest'
import {
  aMachine,
  aTinyMachine,
  isReady,
  type KubeObject,
  thePlatform,
} from '../support/kvorum-system-objects.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

let files: readonly string[]
beforeAll(async () => {
  await system.apply(...thePlatform)
  await system.wait('condition=Ready', 'img/quickstart', 'img/tiny')
  files = await system.files()
})

describe('power', () => {
  let before: KubeObject
  let bootId: string

  test('Stopped shuts the guest down through its agent', async () => {
    await system.apply(aMachine('web'))
    before = await system.waitFor('vm/web', isReady)
    bootId = await system.bootIdOf('web')
    await system.inGuest('web', '/bin/sh', '-c', 'echo kept >/data/note && sync')

    await setPower('web', 'Stopped')
    const stopped = await system.waitFor('vm/web', isStopped)

    expect(stopped.status?.lastRun?.reason).toBe('Requested')
    expect(await howDomainEnded('web')).toBe('shutdown')
    expect(await system.virsh('list', '--all', '--name')).not.toContain('web')
    expect(await system.qemuPids('web')).toEqual([])
  })

  test('Running starts it again with its disk, UUID, MAC and IP', async () => {
    await setPower('web', 'Running')
    const after = await system.waitFor('vm/web', isReady)

    expect(identity(after)).toEqual(identity(before))
    expect(await system.bootIdOf('web')).not.toBe(bootId)
    expect(await system.inGuest('web', '/bin/cat', '/data/note')).toBe('kept\n')
  })

  test('a guest that ignores the request is powered off when its grace period is over', async () => {
    // Neither the agent's way nor the power button leads anywhere now.
    await system.inGuest('web', '/bin/sh', '-c', 'echo : >/sbin/shutdown && rm /etc/acpi/PWRF/00000080')

    await system.kubectl(
      'patch',
      'vm/web',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { power: 'Stopped', terminationGracePeriodSeconds: 3 } }),
    )
    const stopping = await system.waitFor('vm/web', ({ status }) => status?.phase === 'Stopping')
    const stopped = await system.waitFor('vm/web', isStopped)

    expect(stopping.metadata.uid).toBe(stopped.metadata.uid)
    expect(stopped.status?.lastRun?.reason).toBe('Requested')
    expect(await howDomainEnded('web')).toBe('destroyed')
  })

  test('a guest without agent is shut down by its power button', async () => {
    await system.apply(aTinyMachine('plain'))
    await system.waitFor('vm/plain', isReady)

    await setPower('plain', 'Stopped')
    await system.waitFor('vm/plain', isStopped)

    expect(await howDomainEnded('plain')).toBe('shutdown')
  })
})

describe('delete', () => {
  test('leaves no domain, disk file, lease or object behind', async () => {
    await setPower('web', 'Running')
    const { status } = await system.waitFor('vm/web', isReady)
    const [mac = ''] = status?.interfaces?.map(({ macAddress }) => macAddress) ?? []
    expect(mac).not.toBe('')
    expect(await system.files()).not.toEqual(files)

    await system.kubectl('delete', 'vm', 'web', 'plain', '--timeout=120s')
    await system.wait('delete', 'disk', '--all')

    expect(await system.kubectl('get', 'vm,vmi,disk', '-o', 'name')).toBe('')
    expect((await system.virsh('list', '--all', '--name')).trim()).toBe('')
    expect(await system.files()).toEqual(files)
    expect(await dhcpOf(mac)).toBe('')
  })
})

function identity({ status }: KubeObject): unknown {
  return [status?.uuid, status?.ipAddress, status?.interfaces?.map(({ macAddress }) => macAddress)]
}

function isStopped({ status }: KubeObject): boolean {
  return status?.phase === 'Stopped'
}

async function setPower(machine: string, power: 'Running' | 'Stopped'): Promise<void> {
  await system.kubectl('patch', `vm/${machine}`, '--type=merge', '-p', JSON.stringify({ spec: { power } }))
}

/** What libvirt wrote last into the machine's log: `shutdown` by the guest itself, `destroyed` from outside. */
async function howDomainEnded(machine: string): Promise<string | undefined> {
  const { stdout } = await system.host.exec([
    'sh',
    '-c',
    'cat /var/log/libvirt/qemu/*"$1"*.log',
    'log',
    machine,
  ])
  return [...stdout.matchAll(/shutting down, reason=(\w+)/g)].at(-1)?.[1]
}

/** Every line about the MAC address in libvirt's networks and in dnsmasq's leases. */
async function dhcpOf(mac: string): Promise<string> {
  const { stdout } = await system.host.exec([
    'grep',
    '-ri',
    mac,
    '/var/lib/libvirt',
    '/etc/libvirt',
    '/run/libvirt',
  ])
  return stdout
}
