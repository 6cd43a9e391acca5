import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** Each check and the command that a person would type; all are run, so that one look shows everything. */
const checks: readonly { readonly name: string; readonly command: readonly [string, ...string[]] }[] = [
  {
    name: 'generated files are up to date',
    command: ['vitest', 'run', '--project', 'unit', 'test/unit/crds'],
  },
  { name: 'format', command: ['prettier', '--check', '--log-level=warn', '.'] },
  { name: 'lint', command: ['oxlint', '--type-aware'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
]

let failed = 0
for (const { name, command } of checks) {
  const [file, ...args] = command
  const result = spawnSync(join(root, 'node_modules', '.bin', file), args, { cwd: root, encoding: 'utf8' })
  const passed = result.status === 0
  if (!passed) {
    failed += 1
    console.error(`${result.stdout}${result.stderr}`)
  }
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`)
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>
for (const field of ['dependencies', 'devDependencies']) {
  for (const [name, version] of Object.entries(manifest[field] ?? {})) {
    if (/^\d+\.\d+\.\d+/.test(version)) continue
    failed += 1
    console.error(`FAILED ${name} in ${field} of package.json is not pinned to one version: ${version}`)
  }
}
process.exitCode = failed === 0 ? 0 : 1
