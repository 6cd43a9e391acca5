// Runs on whatever Node the machine has: installs the project's packages, among them the Node it is made for, and
// hands over to it. Usage: node scripts/bootstrap.mjs <script.ts> [arguments]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const stampFile = join(root, 'node_modules', '.kvorum-installed')
const node = join(root, 'node_modules', 'node', 'bin', 'node')

const quiet = ['--no-audit', '--no-fund', '--loglevel=error']

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
const installed = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock && existsSync(node)
if (!installed) {
  console.log('Installing npm packages (package-lock.json is new or has changed)')
  const npm = spawnSync('npm', ['ci', ...quiet], { cwd: root, stdio: 'inherit', env: environmentWithNode() })
  if (npm.status !== 0) process.exit(npm.status ?? 1)
  if (!existsSync(node)) {
    // npm was told not to run install scripts: the package of the pinned Node fetches its binary in one.
    const setup = spawnSync('npm', ['rebuild', 'node', '--ignore-scripts=false'], {
      cwd: root,
      stdio: 'inherit',
    })
    if (setup.status !== 0) process.exit(setup.status ?? 1)
  }
  writeFileSync(stampFile, lock)
}

/**
 * npm leaves out optional packages (native parts of the tools) that the Node it runs on is too old for, so it has to run
 * on the one that they are for.
 */
function environmentWithNode() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.env
  const prefix = join(root, '.cache', 'node')
  const bin = join(prefix, 'node_modules', 'node', 'bin')
  if (!existsSync(join(bin, 'node'))) {
    const { node: version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies
    const install = ['install', '--no-save', '--prefix', prefix, `node@${version}`, ...quiet]
    const npm = spawnSync('npm', install, { stdio: 'inherit' })
    if (npm.status !== 0) process.exit(npm.status ?? 1)
  }
  return { ...process.env, PATH: `${bin}:${process.env.PATH}` }
}

const [script, ...args] = process.argv.slice(2)
const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`
const child = spawnSync(node, [join(root, script), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
process.exit(child.status ?? 1)
