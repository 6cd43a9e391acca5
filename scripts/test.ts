import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { buildGuestImage } from './guest-image/build.ts'
import { ensureAioRequests } from './host/libvirtd.ts'
import { unpackKubectls } from './host/kubectls.ts'
import { hardwareGuest, quickstartGuest } from './guest-image/recipe.ts'
import { installPackages, testPackages } from './host/packages.ts'
import { requireRoot } from './host/root.ts'
import { closingLine, readReport } from './test-report.ts'

const root = join(import.meta.dirname, '..')
const report = join(root, '.cache', 'test-report.json')

/** Everything that CI runs: packages, generated files, lint, types, then every layer of tests. */
async function test(): Promise<number> {
  requireRoot('npm test')
  await installPackages(testPackages, console.log)
  await ensureAioRequests(console.log)
  await unpackKubectls(join(root, '.cache', 'kubectl'), console.log)
  for (const recipe of [quickstartGuest, hardwareGuest])
    await buildGuestImage(join(root, '.cache', 'guest'), console.log, recipe)
  const verified = await runProgram('node', ['scripts/verify.ts'])
  const tested = await runProgram('vitest', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
  ])
  const counts = await readReport(report)
  console.log(closingLine({ ...counts, failed: counts.failed + (verified === 0 ? 0 : 1) }))
  return verified === 0 && tested === 0 && counts.passed > 0 ? 0 : 1
}

function runProgram(file: string, args: readonly string[]): Promise<number> {
  const child = spawn(join(root, 'node_modules', '.bin', file), args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

process.exitCode = await test()
