import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { theCluster, theNetwork, theStorage, theTinyImage } from '../support/kvorum-system-objects.ts'
import { startKvorum } from '../support/kvorum-system.ts'

/**
 * What Kvorum adds to libvirt's own time: from `apply` until a machine's status says Running, beside
 * `virsh define && virsh start` of the same XML. On a host of its own with everything real; the guest is one that
 * takes next to no processor time. This process brings the host up, `machines-inside.ts` measures inside of it.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, 'at-once': { type: 'string', default: '20' } },
})

const system = await startKvorum({ guestImage: false })
try {
  const cluster = { ...theCluster, spec: { overcommit: { cpuPercent: 3200 } } }
  await system.apply(cluster, theStorage, theNetwork, theTinyImage)
  await system.wait('condition=Ready', 'img/tiny')
  const script = join(import.meta.dirname, 'machines-inside.ts')
  const [file, ...args] = system.host.command([
    process.execPath,
    script,
    system.kubeconfig,
    system.host.directory,
    values.rounds,
    values['at-once'],
  ])
  const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
  if (process.exitCode !== 0) console.error(await system.diagnosis())
} finally {
  await system.stop()
}
