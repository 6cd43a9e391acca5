#!/usr/bin/env node
// Starts the CLI on the Node it is made for: this one if it is new enough, else the one installed beside the sources.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const isNewEnough = Number(process.versions.node.split('.')[0]) >= 24
if (isNewEnough && ['apiserver', 'controllers', 'node-daemon'].includes(process.argv[2])) {
  const { runProgram } = await import('./programs/run-program.mjs')
  await runProgram(process.argv[2], process.argv.slice(3))
} else if (isNewEnough) {
  const { main } = await import('./main.ts')
  const programName = process.env.KVORUM_AS_PLUGIN === undefined ? 'kvorum' : 'kubectl kvorum'
  process.exitCode = await main(process.argv.slice(2), { programName })
  // A shell that asked for completions must not wait for a server that does not answer.
  if (process.argv[2] === '__complete') process.exit()
} else {
  const here = fileURLToPath(import.meta.url)
  const node = join(dirname(here), '..', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
  const child = spawnSync(node, [here, ...process.argv.slice(2)], { stdio: 'inherit' })
  if (child.error) {
    console.error(`kvorum needs Node 24 or newer; this is ${process.versions.node}`)
    process.exit(1)
  }
  process.exit(child.status ?? 1)
}
