import { join } from 'node:path'
import { type Clock, sleep, systemClock } from '../../apimachinery/clock.ts'
import { UsageError } from '../usage-error.ts'
import { dataLayout } from './layout.ts'
import { downOptions } from './options.ts'
import { isUp, runningPid } from './pid-file.ts'
import { silentLogger } from '../../apimachinery/log.ts'
import { libvirtHypervisor } from '../../node-daemon/hypervisor/libvirt/libvirt-hypervisor.ts'
import { openLibvirt } from '../../node-daemon/hypervisor/libvirt/open-libvirt.ts'
import { fileRunRecords } from '../../node-daemon/machine/run-records.ts'
import { stopMachines } from '../../node-daemon/stop-machines.ts'

const stopMs = 90_000
const graceMs = 60_000
const pollMs = 50

/**
 * `kvorum down`: stops the programs first, so that nothing restarts what is then shut down, and then the machines.
 * What the objects say stays: the next `kvorum up` starts the machines that should run.
 */
export async function down(rawOptions: object, signal: AbortSignal): Promise<void> {
  const { dataDir, keepMachines } = downOptions.parse(rawOptions)
  const layout = dataLayout(dataDir)
  const pid = await runningPid(layout.pidFile)
  if (pid === undefined) process.stdout.write(`kvorum up does not run in ${layout.root}\n`)
  else {
    process.kill(pid, 'SIGTERM')
    await waitForEnd(pid, systemClock, signal)
    process.stdout.write('Programs stopped\n')
  }
  if (keepMachines) return
  const stopped = await stopOwnMachines(join(layout.node, 'runs'), signal)
  process.stdout.write(`${stopped} machines stopped\n`)
}

/** `recordsDirectory` is where the node daemon keeps what it has started: it is told there why they stopped. */
async function stopOwnMachines(recordsDirectory: string, signal: AbortSignal): Promise<number> {
  const libvirt = openLibvirt('qemu:///system')
  const hypervisor = libvirtHypervisor({ libvirt, clock: systemClock, log: silentLogger })
  const records = fileRunRecords(recordsDirectory)
  const report = (line: string) => process.stdout.write(`${line}\n`)
  try {
    return await stopMachines({ hypervisor, records, clock: systemClock, graceMs, signal, report })
  } finally {
    await hypervisor.close()
    await libvirt.close()
  }
}

/** The process takes its file away a moment before it ends. */
async function waitForEnd(pid: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = clock.monotonic() + stopMs
  while (await isUp(pid)) {
    if (clock.monotonic() > deadline) throw new UsageError('kvorum up does not stop: see its logs')
    await sleep(clock, pollMs, signal)
  }
}
