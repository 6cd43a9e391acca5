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

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
const installed = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock && existsSync(node)
if (!installed) {
  console.log('Installing npm packages (package-lock.json is new or has changed)')
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
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

const [script, ...args] = process.argv.slice(2)
const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`
const child = spawnSync(node, [join(root, script), ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: path },
})
process.exit(child.status ?? 1)
