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
  const npm = runNpm(['ci', ...quiet])
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
 * npm leaves out optional packages (native parts of the tools) that the Node it runs on is too old for. On such a Node a
 * newer pair of both is fetched first.
 */
function runNpm(args) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19))
    return spawnSync('npm', args, { cwd: root, stdio: 'inherit' })
  const prefix = join(root, '.cache', 'npm')
  const modules = join(prefix, 'node_modules')
  const bin = join(modules, 'node', 'bin')
  if (!existsSync(join(bin, 'node'))) {
    const { node: version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies
    const install = ['install', '--no-save', '--prefix', prefix, `node@${version}`, 'npm@11.19.1', ...quiet]
    const fetched = spawnSync('npm', install, { stdio: 'inherit' })
    if (fetched.status !== 0) process.exit(fetched.status ?? 1)
  }
  // Install scripts call npm too: they must find the newer one.
  const env = { ...process.env, PATH: `${join(modules, '.bin')}:${process.env.PATH}` }
  return spawnSync(join(bin, 'node'), [join(modules, 'npm', 'bin', 'npm-cli.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env,
  })
}

const [script, ...args] = process.argv.slice(2)
const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`
const child = spawnSync(node, [join(root, script), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
process.exit(child.status ?? 1)
