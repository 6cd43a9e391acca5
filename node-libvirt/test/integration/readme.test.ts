import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LibvirtHost } from '../../src/index.ts'
import { domainXml, removeDomain, startDomain } from '../fixtures/domains.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'
import { createPool, createVolume, diskXml, sha256OfFile } from '../fixtures/storage.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
let libvirtd: PrivateLibvirtd
let host: LibvirtHost

beforeAll(async () => {
  libvirtd = await PrivateLibvirtd.start()
  host = await LibvirtHost.connect(libvirtd.uri)
})

afterAll(async () => {
  await host.close()
  await libvirtd[Symbol.asyncDispose]()
})

const example = (name: string) => join(root, 'examples', name)
/** Runs a program where `/run/libvirt` is the private daemon's, as a user would run it on a host. */
const onHost = (path: string, ...args: readonly string[]) => libvirtd.command(process.execPath, path, ...args)

test("the README's ten lines list, start and follow, as they are printed there", async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const code = /## Ten lines[\s\S]*?```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10)
  const { dom } = await host.query('domainDefineXml', { xml: domainXml({ name: 'nlv-readme' }) })
  const path = join(root, 'examples', `.readme-${process.pid}.mjs`)
  writeFileSync(path, code)
  const [program, ...args] = onHost(path, dom.name)
  const child = spawn(program, args)
  try {
    let output = ''
    for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      output += text
      if (output.includes('VIR_DOMAIN_EVENT_STARTED')) break
    }
    expect(output).toContain('nlv-readme is off\n')
    expect(output).toMatch(/nlv-readme VIR_DOMAIN_EVENT_STARTED\n/)
  } finally {
    child.kill()
    rmSync(path)
    await removeDomain(host, dom)
  }
})

describe('the examples run', () => {
  test('statistics', async () => {
    await using guest = await startDomain(host)
    const [program, ...args] = onHost(example('statistics.mjs'))
    const { stdout } = await run(program, args)
    expect(stdout).toMatch(new RegExp(`^${guest.dom.name} \\d+ ms 32768 KiB`))
  })

  test('a download', async () => {
    const pool = await createPool(host, join(libvirtd.directory, 'pool'), 'nlv-pool')
    await createVolume(host, pool, { name: 'holey', bytes: 4 << 20 })
    writeFileSync(join(libvirtd.directory, 'pool', 'holey'), 'something', { flag: 'r+' })
    const file = join(libvirtd.directory, 'downloaded')
    const [program, ...args] = onHost(example('download-volume.mjs'), 'nlv-pool', 'holey', file)
    expect((await run(program, args)).stdout).toBe(`${4 << 20} bytes\n`)
    expect(await sha256OfFile(file)).toBe(await sha256OfFile(join(libvirtd.directory, 'pool', 'holey')))
  })

  test('a backup', async () => {
    const disk = join(libvirtd.directory, 'disk.qcow2')
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '8M'])
    await using guest = await startDomain(host, { devices: diskXml(disk) })
    const target = join(libvirtd.directory, 'backup.qcow2')
    const [program, ...args] = onHost(example('backup.mjs'), guest.dom.name, 'vda', target)
    expect((await run(program, args)).stdout).toBe('done\n')
    expect(existsSync(target)).toBe(true)
  })

  test('a console, until the guest is gone', async () => {
    await using guest = await startDomain(host)
    const [program, ...args] = onHost(example('console.mjs'), guest.dom.name)
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    const [greeting] = (await once(child.stdout.setEncoding('utf8'), 'data')) as unknown[]
    expect(greeting).toContain(`Connected to ${guest.dom.name}`)
    await host.query('domainDestroy', { dom: guest.dom })
    expect(await ended).toEqual([0, null])
  })

  test('a migration that cannot be says why', async () => {
    await using guest = await startDomain(host)
    const [program, ...args] = onHost(example('migrate.mjs'), guest.dom.name, 'qemu+tcp://localhost/system')
    expect((await run(program, args)).stderr).toContain('on its own host')
  })
})
