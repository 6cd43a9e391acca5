import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  noteTpm,
  nvramPathOf,
  removeMachineState,
  withMachineState,
} from '../../../../node-daemon/devices/machine-state.ts'
import { fakeStorage } from '../../../../node-daemon/storage/fake/fake-storage.ts'

const uuid = '5f0f2c5e-7d3b-4f3a-9f4b-0a1b2c3d4e5f'
const otherUuid = '6f0f2c5e-7d3b-4f3a-9f4b-0a1b2c3d4e5f'

let directory: string
let disk: string
let tpms: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-state-'))
  disk = join(directory, 'disks', 'd1.qcow2')
  tpms = join(directory, 'tpms')
  for (const path of [join(directory, 'disks'), join(tpms, uuid, 'tpm2'), join(tpms, otherUuid)])
    await mkdir(path, { recursive: true })
  await writeFile(disk, '')
})
afterEach(() => rm(directory, { recursive: true }))

describe('nvramPathOf', () => {
  test('a machine that turns Secure Boot on starts from variables with keys', () => {
    const plain = nvramPathOf(disk, { uuid, secureBoot: false })
    const secure = nvramPathOf(disk, { uuid, secureBoot: true })

    expect(plain).toBe(`${disk}.${uuid}.nvram`)
    expect(secure).not.toBe(plain)
  })
})

describe('removeMachineState', () => {
  test('takes variables and TPM states of every machine that had the disk, and nothing of others', async () => {
    await noteTpm(disk, uuid)
    await writeFile(nvramPathOf(disk, { uuid, secureBoot: false }), 'variables')
    await writeFile(nvramPathOf(disk, { uuid: otherUuid, secureBoot: true }), 'variables')
    const other = join(directory, 'disks', 'd2.qcow2')
    await writeFile(nvramPathOf(other, { uuid: otherUuid, secureBoot: true }), 'variables')

    await removeMachineState(disk, tpms)

    expect((await readdir(join(directory, 'disks'))).toSorted()).toEqual([
      'd1.qcow2',
      `d2.qcow2.${otherUuid}.secure.nvram`,
    ])
    expect(await readdir(tpms)).toEqual([otherUuid])
  })

  test('a note that names no UUID leads nowhere', async () => {
    await writeFile(`${disk}...tpm`, '')

    await removeMachineState(disk, tpms)

    expect((await readdir(tpms)).toSorted()).toEqual([uuid, otherUuid])
  })

  test('goes before the disk by which it is found', async () => {
    await noteTpm(disk, uuid)
    const volume = { path: disk, format: 'qcow2', capacityBytes: 1, allocatedBytes: 1 } as const
    let left: readonly string[] | undefined
    const driver = withMachineState(
      {
        ...fakeStorage(),
        statVolume: async () => volume,
        removeVolume: async () => void (left = await readdir(join(directory, 'disks'))),
      },
      tpms,
    )

    await driver.removeVolume({ kind: 'disk', uid: 'd1' })

    expect(left).toEqual(['d1.qcow2'])
  })

  test('a directory that is gone has nothing to remove', async () => {
    await expect(removeMachineState(join(directory, 'none', 'd1.qcow2'), tpms)).resolves.toBeUndefined()
  })
})
