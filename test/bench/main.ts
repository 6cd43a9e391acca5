import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** `npm run bench -- <name> [arguments]`: each benchmark prints its numbers beside a reference of the same run. */
const benchmarks: Readonly<Record<string, string>> = {
  machines: 'what Kvorum adds to virsh define && virsh start, per machine [--rounds 5] [--at-once 20]',
  storage: 'storage and watch cache on etcd [objects]',
}

const [name = '', ...args] = process.argv.slice(2)
if (Object.hasOwn(benchmarks, name)) {
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args], {
    stdio: 'inherit',
  })
  child.on('exit', (code) => (process.exitCode = code ?? 1))
} else {
  const list = Object.entries(benchmarks).map(([each, what]) => `  ${each.padEnd(10)} ${what}`)
  console.log(`Usage: npm run bench -- <name>\n${list.join('\n')}`)
  process.exitCode = 1
}
