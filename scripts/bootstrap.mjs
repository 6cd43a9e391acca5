// Runs on whatever Node the machine has: installs the project's packages, among them the Node it is made for, and
// hands over to it. Usage: node scripts/bootstrap.mjs <script.ts> [arguments]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// An older npm leaves out packages whose `engines` do not name the machine's Node, which is not the one they run on.
const npmVersion = '11.19.1'
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const nodePackage = `node-linux-${process.arch}`
const node = join(root, 'node_modules', nodePackage, 'bin', 'node')

installPackages()
const [script, ...args] = process.argv.slice(2)
run(node, [join(root, script), ...args], withPath(join(root, 'node_modules', '.bin')))

/** Does nothing when what the lockfile names is installed. */
function installPackages() {
  const stampFile = join(root, 'node_modules', '.kvorum-installed')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === lock && existsSync(node)) return
  console.log('Installing npm packages (package-lock.json is new or has changed)')
  const install = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) {
    run('npm', install)
  } else {
    const toolchain = fetchToolchain()
    // The distribution's Node trusts the authorities that the machine trusts; so must this one.
    const env = { ...withPath(dirname(toolchain.node)), NODE_USE_SYSTEM_CA: '1' }
    run(toolchain.node, [toolchain.npm, ...install], env)
  }
  writeFileSync(stampFile, lock)
}

/** The project's Node and an npm that goes with it, fetched by the npm of an older Node. */
function fetchToolchain() {
  const directory = join(root, '.cache', 'toolchain')
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version = optionalDependencies[nodePackage]
  console.log(`Node ${process.versions.node} is too old to install them: fetching Node ${version} first`)
  mkdirSync(directory, { recursive: true })
  const wanted = [`${nodePackage}@${version}`, `npm@${npmVersion}`]
  const plain = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  run('npm', ['install', '--prefix', directory, ...plain, ...wanted])
  return {
    node: join(directory, 'node_modules', nodePackage, 'bin', 'node'),
    npm: join(directory, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  }
}

function withPath(directory) {
  return { ...process.env, PATH: `${directory}${delimiter}${process.env.PATH}` }
}

/** Ends this program with the other's exit code when that is not 0. */
function run(program, parameters, env = process.env) {
  const { status } = spawnSync(program, parameters, { cwd: root, stdio: 'inherit', env })
  if (status !== 0) process.exit(status ?? 1)
}
