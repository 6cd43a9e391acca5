import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeDomain } from '../fixtures/domains.ts'
import { domainCases } from '../oracle/domain-cases.ts'
import { domainStatisticsCases } from '../oracle/domain-statistics-cases.ts'
import { hostCases } from '../oracle/host-cases.ts'
import { otherCases } from '../oracle/other-cases.ts'
import { storageCases } from '../oracle/storage-cases.ts'
import { createWorld } from '../oracle/world.ts'
import type { World } from '../oracle/world.ts'

let w: World

beforeAll(async () => {
  w = await createWorld()
}, 60_000)

afterAll(async () => {
  await removeDomain(w.host, w.dom)
  await w.host.close()
  await w.libvirtd[Symbol.asyncDispose]()
})

const cases = [...hostCases, ...domainCases, ...domainStatisticsCases, ...storageCases, ...otherCases]

describe('virsh and we say the same about', () => {
  test.each(cases)('%s', async (command, read, ours) => {
    const args = command.replace('SECRET', w.secret.uuid).split(' ')
    const hmp = args.indexOf('info')
    const whole = hmp === -1 ? args : [...args.slice(0, hmp), args.slice(hmp).join(' ')]
    expect(await ours(w)).toEqual(read(w.virsh(...whole)))
  })

  test('the bytes of a volume', async () => {
    const file = join(w.libvirtd.directory, 'downloaded')
    w.virsh('vol-download', '--pool', 'nlv-pool', 'nlv.qcow2', file)
    const { stream } = await w.host.stream('storageVolDownload', { vol: w.vol, offset: 0n, length: 0n })
    const hash = createHash('sha256')
    for await (const piece of stream as AsyncIterable<Buffer>) hash.update(piece)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(readFileSync(file)).digest('hex'))
  })

  test('an error', async () => {
    const terabyte = 2n ** 30n
    const call = w.host.query('domainSetMemoryFlags', { dom: w.dom, memory: terabyte, flags: 1 })
    const ours = await call.catch((error: unknown) => error)
    const uri = `qemu+unix:///system?socket=${w.libvirtd.socket}`
    const { stderr } = spawnVirsh(uri, 'setmem', 'nlv-oracle', '1T', '--live')
    expect(stderr).toContain(ours instanceof Error ? ours.message : 'no error')
  })

  test('a baseline CPU', async () => {
    const cpu = '<cpu><arch>x86_64</arch><model>Nehalem</model></cpu>'
    const file = join(w.libvirtd.directory, 'cpu.xml')
    writeFileSync(file, cpu)
    const ours = await w.host.query('connectBaselineCpu', { xmlCPUs: [cpu] })
    expect(ours.cpu.trim()).toBe(w.virsh('cpu-baseline', file))
  })
})

test('more than sixty calls were compared', () => {
  expect(cases.length + 3).toBeGreaterThanOrEqual(60)
})

function spawnVirsh(uri: string, ...args: readonly string[]): { readonly stderr: string } {
  try {
    execFileSync('virsh', ['-c', uri, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, LC_ALL: 'C' },
    })
    return { stderr: '' }
  } catch (error) {
    return error instanceof Error && 'stderr' in error ? { stderr: String(error.stderr) } : { stderr: '' }
  }
}
