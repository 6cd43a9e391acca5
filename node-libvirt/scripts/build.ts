/**
 * Makes the package that is published: JavaScript for Node 20, declarations, and a `package.json` that points at them.
 * Run: `node scripts/build.ts [directory]`, `dist` by default; then `npm publish ./dist`.
 */
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

/** Every module of `src` becomes one of the package, so that bundlers can drop those that are not used. */
async function buildPackage(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  await run('tsc', ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(directory, 'lib')])
  await renameImports(join(directory, 'lib'))
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE'])
    await copyFile(join(root, name), join(directory, name))
  for (const name of ['examples', 'docs'])
    await cp(join(root, name), join(directory, name), { recursive: true })

  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  delete manifest['scripts']
  manifest['exports'] = { '.': { types: './lib/index.d.ts', default: './lib/index.js' } }
  manifest['types'] = './lib/index.d.ts'
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** Declarations name their neighbours as the sources do; users have only what is built. */
async function renameImports(directory: string): Promise<void> {
  for (const name of await readdir(directory, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue
    const path = join(directory, name)
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(/(from |import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2'))
  }
}

await buildPackage(resolve(process.argv[2] ?? join(root, 'dist')))
