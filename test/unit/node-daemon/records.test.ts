import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hostIdentity } from '../../../node-daemon/heartbeat/host-identity.ts'
import { fileRunRecords, memoryRunRecords } from '../../../node-daemon/machine/run-records.ts'
import { fileNameRecords, memoryNameRecords } from '../../../node-daemon/records/name-records.ts'

let directory: string
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'kvorum-records-'))))
afterEach(() => rm(directory, { recursive: true }))

const run = { namespace: 'default', name: 'vm-1', uid: 'uid-1', uuid: 'uuid-1' }

describe.each([
  { name: 'in files', open: () => fileRunRecords(join(directory, 'runs')) },
  { name: 'in memory', open: memoryRunRecords },
])('records of runs $name', ({ open }) => {
  test('are there until they are removed', async () => {
    const records = open()
    expect(await records.get('uid-1')).toBeUndefined()
    expect(await records.list()).toEqual([])
    await records.put(run)
    await records.put(run)
    expect(await records.get('uid-1')).toEqual(run)
    expect(await records.list()).toEqual([run])
    await records.remove('uid-1')
    await records.remove('uid-1')
    expect(await records.list()).toEqual([])
  })
})

describe.each([
  { name: 'in files', open: () => fileNameRecords(join(directory, 'names')) },
  { name: 'in memory', open: memoryNameRecords },
])('records of names $name', ({ open }) => {
  test('are there until they are removed', async () => {
    const records = open()
    await records.add('default')
    await records.add('default')
    await records.add('red.net')
    expect((await records.list()).toSorted()).toEqual(['default', 'red.net'])
    await records.remove('default')
    expect(await records.has('default')).toBe(false)
  })
})

describe('records on disk', () => {
  test('outlive the daemon', async () => {
    await fileRunRecords(directory).put(run)
    expect(await fileRunRecords(directory).list()).toEqual([run])
  })

  test('that a crash left half-written count as none', async () => {
    await writeFile(join(directory, 'uid-1.json'), '{"name')
    expect(await fileRunRecords(directory).list()).toEqual([])
    expect(await fileRunRecords(directory).get('uid-1')).toBeUndefined()
  })

  test('cannot be made outside their directory', async () => {
    await expect(fileRunRecords(directory).put({ ...run, uid: '../escape' })).rejects.toThrow(/uid|string/i)
    await expect(fileNameRecords(directory).add('../escape')).rejects.toThrow(/name/)
  })

  test('the identity of the installation stays the same', async () => {
    const first = await hostIdentity(join(directory, 'new'))
    expect(first).toMatch(/^[0-9a-f-]{36}$/)
    expect(await hostIdentity(join(directory, 'new'))).toBe(first)
    expect(await hostIdentity(join(directory, 'other'))).not.toBe(first)
  })
})
