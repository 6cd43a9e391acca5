import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  aDisk,
  aMachine,
  anImage,
  conditionOf,
  isReady,
  type KubeCondition,
  theCluster,
  theImage,
  theNetwork,
  theStorage,
} from '../support/kvorum-system-objects.ts'
import { useKvorum } from '../support/kvorum-system-use.ts'
import type { KvorumSystem } from '../support/kvorum-system.ts'

let system: KvorumSystem
useKvorum((started) => (system = started))

describe('a machine whose surroundings are missing', () => {
  test('says what it waits for, one after the other, and comes up when all is there', async () => {
    await system.apply(aMachine('early'))
    expect(await condition('vm/early', 'NetworksReady', 'NetworkNotFound')).toMatchObject({
      status: 'False',
      message: 'Network default of interface eth0 does not exist',
    })
    expect(await condition('vm/early', 'Ready', 'WaitingForNetworks')).toMatchObject({
      status: 'False',
      message: 'Network default of interface eth0 does not exist',
    })

    await system.apply(theNetwork)
    await condition('vm/early', 'NetworksReady', 'NetworksFound')
    expect((await condition('vm/early', 'DisksReady', 'StorageDomainNotFound')).message).toMatch(
      /^Disk early-root: .*default/,
    )

    await system.apply(theStorage)
    expect((await condition('vm/early', 'DisksReady', 'ImageNotFound')).message).toMatch(
      /^Disk early-root: .*quickstart/,
    )
    expect((await condition('vm/early', 'Ready', 'WaitingForDisks')).message).toContain('quickstart')

    await system.apply(theImage)
    await condition('vm/early', 'DisksReady', 'DisksFound')
    expect((await condition('vm/early', 'Scheduled', 'HostClusterNotFound')).message).toBe(
      'HostCluster default does not exist',
    )

    await system.apply(theCluster)
    const up = await system.waitFor('vm/early', isReady)
    expect(conditionOf(up, 'Scheduled')).toMatchObject({ status: 'True', reason: 'HostAssigned' })
  })
})

describe('what cannot be meant is refused at apply', () => {
  const machine = (name: string, spec: object) => aMachine(name, { power: 'Stopped', ...spec })
  const root = { name: 'root', template: { size: '1Gi' } }
  const invalid = (name: string, causes: string) => `The VirtualMachine "${name}" is invalid: ${causes}`

  test.each([
    [
      'a memory of -5',
      machine('minus', { memory: { size: -5 } }),
      invalid(
        'minus',
        'spec.memory.size: Invalid value: -5: spec.memory.size in body should be greater than or equal to 1',
      ),
    ],
    [
      'an unknown field',
      machine('typo', { memmory: { size: '1Gi' } }),
      // An old kubectl looks before it asks, and says it in words of its own.
      /strict decoding error: unknown field "spec\.memmory"|ValidationError\(VirtualMachine\.spec\): unknown field "memmory"/,
    ],
    [
      'two disks of one name',
      machine('twins', { disks: [root, root] }),
      invalid('twins', 'spec.disks[1]: Duplicate value: {"name":"root"}'),
    ],
    [
      'a name that no DNS knows',
      machine('Not_A_Name', {}),
      'metadata.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of',
    ],
    [
      'an image outside the import directory',
      anImage('escape', { source: { file: { path: '../pki/ca.key' } } }),
      'The Image "escape" is invalid: spec.source.file.path: Invalid value: "../pki/ca.key": ',
    ],
  ])('%s', async (_, object, message) => {
    const { code, stderr } = await apply(object)

    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect((await system.tryKubectl(['get', 'vm,img', object.metadata.name])).code).toBe(1)
  })

  test('a disk that would shrink, on its own and inside a machine', async () => {
    await system.apply(aDisk('data', { size: '64Mi' }), machine('sized', { disks: [root] }))

    const alone = await apply(aDisk('data', { size: '32Mi' }))
    const inside = await apply(machine('sized', { disks: [{ name: 'root', template: { size: '512Mi' } }] }))

    expect(alone.stderr).toContain(
      'The Disk "data" is invalid: spec.size: Invalid value: a disk cannot shrink',
    )
    expect(inside.stderr).toContain(
      invalid('sized', 'spec.disks[0].template.size: Invalid value: a disk cannot shrink'),
    )
    expect((await system.get('disk/data')).spec).toMatchObject({ size: '64Mi' })
  })
})

describe('an image that cannot be trusted', () => {
  test('with another checksum than promised fails, names both, and leaves nothing on the host', async () => {
    const bytes = Buffer.alloc(1 << 20, 'not what was promised')
    await offer('tampered.raw', bytes)
    const promised = `sha256:${'0'.repeat(64)}`
    const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const files = await system.files()

    await system.apply(
      anImage('tampered', { source: { file: { path: 'tampered.raw' } }, checksum: promised }),
    )
    const { message } = await condition('img/tampered', 'Ready', 'ChecksumMismatch')

    expect((await system.get('img/tampered')).status?.phase).toBe('Failed')
    expect(message).toContain(promised)
    expect(message).toContain(found)
    expect(await system.files()).toEqual(files)
  })

  test('with a backing file is refused, so that no guest reads what the host keeps', async () => {
    const path = join(system.dataDir, 'import', 'thief.qcow2')
    const made = await system.host.exec([
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-u',
      '-b',
      '/etc/shadow',
      '-F',
      'raw',
      path,
      '64M',
    ])
    expect(made.stderr).toBe('')
    const files = await system.files()

    await system.apply(
      anImage('thief', { source: { file: { path: 'thief.qcow2' } } }),
      aMachine('victim', {
        disks: [{ name: 'root', bootOrder: 1, template: { source: { image: { name: 'thief' } } } }],
      }),
    )
    const { message } = await condition('img/thief', 'Ready', 'InvalidImage')

    expect((await system.get('img/thief')).status?.phase).toBe('Failed')
    expect(message).toContain('backing file')
    expect(await system.files()).toEqual(files)
    expect((await condition('vm/victim', 'DisksReady', 'ImageFailed')).status).toBe('False')
    expect(await system.qemuPids('victim')).toEqual([])
  })

  test('that is right imports, with the checksum of its bytes', async () => {
    const bytes = await readFile(join(system.dataDir, 'import', 'quickstart.qcow2'))
    const checksum = `sha256:${createHash('sha256').update(bytes).digest('hex')}`

    await system.apply(anImage('checked', { source: { file: { path: 'quickstart.qcow2' } }, checksum }))
    await system.wait('condition=Ready', 'img/checked')

    expect((await system.get('img/checked')).status?.digest).toBe(checksum)
  })
})

function apply(object: object) {
  return system.tryKubectl(['apply', '-f', '-'], JSON.stringify(object))
}

async function offer(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(system.dataDir, 'import', name), bytes)
}

/** Waits until the condition has the reason. */
async function condition(target: string, type: string, reason: string): Promise<KubeCondition> {
  const object = await system.waitFor(target, (each) => conditionOf(each, type).reason === reason)
  return conditionOf(object, type)
}
