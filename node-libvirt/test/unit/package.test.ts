import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'nlv-package-'))
const dist = join(directory, 'node_modules', 'node-libvirt')

beforeAll(async () => {
  await run(process.execPath, [join(root, 'scripts/build.ts'), dist], {
    env: { ...process.env, PATH: `${join(root, '../node_modules/.bin')}:${process.env['PATH']}` },
  })
}, 60_000)

afterAll(() => rmSync(directory, { recursive: true }))

/** The minified size of a program that imports from the built package. */
async function bundled(source: string): Promise<number> {
  const result = await build({
    stdin: { contents: source, resolveDir: directory },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  })
  return result.outputFiles[0]?.contents.length ?? 0
}

describe('the package', () => {
  test('has what it says, and nothing to install', () => {
    const manifest = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as Record<string, unknown>
    expect(manifest).toMatchObject({ name: 'node-libvirt', type: 'module', sideEffects: false })
    expect(manifest['dependencies']).toBeUndefined()
    expect(manifest['scripts']).toBeUndefined()
    for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'lib/index.js', 'lib/index.d.ts'])
      expect({ name, exists: existsSync(join(dist, name)) }).toEqual({ name, exists: true })
    expect(readFileSync(join(dist, 'lib/index.d.ts'), 'utf8')).not.toContain(".ts'")
  })

  test('is less than 150 kB minified, all of it', async () => {
    expect(await bundled("export * from 'node-libvirt'")).toBeLessThan(150_000)
  })

  test('drops what is not used', async () => {
    expect(
      await bundled("import { virDomainState } from 'node-libvirt'; console.log(virDomainState)"),
    ).toBeLessThan(1000)
    expect(
      await bundled("import { RpcConnection } from 'node-libvirt'; console.log(RpcConnection)"),
    ).toBeLessThan(40_000)
    expect(
      await bundled("import { typedParams } from 'node-libvirt'; console.log(typedParams)"),
    ).toBeLessThan(1000)
  })

  test('types check for somebody who uses it', async () => {
    const source = `import { LibvirtHost, typedParam } from 'node-libvirt'
      const host = new LibvirtHost('test:///default')
      const { dom } = await host.query('domainLookupByName', { name: 'test' })
      const state: number = (await host.query('domainGetState', { dom })).state
      // @ts-expect-error a handle is not a name
      await host.query('domainGetState', { dom: 'test' })
      // @ts-expect-error the name is missing
      await host.query('domainLookupByName', {})
      // @ts-expect-error libvirt has no such call
      await host.query('domainExplode')
      // @ts-expect-error 64-bit numbers are bigint
      typedParam.ullong('bandwidth', 10)
      // @ts-expect-error it opens a stream
      await host.query('domainOpenConsole', { dom })
      for await (const event of host.events) {
        if (event.type === 'balloonChange') console.log(event.actual + 1n, state)
        // @ts-expect-error no such event
        if (event.type === 'explosion') break
      }
    `
    writeFileSync(join(directory, 'user.mts'), source)
    const options = '--noEmit --strict --module nodenext --target es2024 --types node --skipLibCheck'.split(
      ' ',
    )
    const types = ['--typeRoots', join(root, '../node_modules/@types')]
    const tsc = join(root, '../node_modules/.bin/tsc')
    await run(tsc, [...options, ...types, 'user.mts'], {
      cwd: directory,
      env: { ...process.env, PATH: `${join(root, '../node_modules/.bin')}:${process.env['PATH']}` },
    }).catch((error: unknown) => {
      throw new Error(error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error))
    })
  }, 60_000)

  const oldNode = '/usr/bin/node'
  test.skipIf(!existsSync(oldNode))('loads in the Node of the distribution', async () => {
    const program = `import * as m from 'node-libvirt'; console.log(process.versions.node, typeof m.LibvirtHost)`
    writeFileSync(join(directory, 'load.mjs'), program)
    const { stdout } = await run(oldNode, [join(directory, 'load.mjs')])
    expect(stdout).toMatch(/^2\d\.\S+ function\n$/)
  })
})
