import type { Clock } from '../apimachinery/clock.ts'
import { type Hypervisor, HypervisorError, type ObservedDomain } from './hypervisor/hypervisor.ts'
import type { RunRecords } from './machine/run-records.ts'

// Guests miss ACPI's button while they boot: it is pressed again.
const askAgainMs = 10_000

export interface StopMachinesOptions {
  readonly hypervisor: Hypervisor
  /**
   * What this installation has started. With it, machines of other installations are left alone, and the daemon that
   * follows knows that nobody wanted these to stop: it lets them start again.
   */
  readonly records?: RunRecords
  readonly clock: Clock
  readonly graceMs: number
  readonly signal: AbortSignal
  readonly report: (line: string) => void
}

/**
 * Ends every machine of ours on this host, as when the host itself is shut down: guests are asked, and powered off
 * when the grace period is over. Resolves to how many ran. Domains that are not ours are left alone.
 */
export async function stopMachines(options: StopMachinesOptions): Promise<number> {
  const { report } = options
  const machines = await ownMachines(options)
  for (const { name } of machines) report(`Shutting down ${name}`)
  await Promise.all(machines.map((machine) => stopMachine(machine, options)))
  return machines.length
}

async function ownMachines({ hypervisor, records, signal }: StopMachinesOptions): Promise<ObservedDomain[]> {
  const machines = (await hypervisor.listDomains(signal)).filter(runs)
  if (records === undefined) return machines
  const own = new Map((await records.list()).map((run) => [run.uid, run]))
  const ours = machines.flatMap((domain) => {
    const run = own.get(domain.owner?.uid ?? '')
    return run === undefined ? [] : [{ domain, run }]
  })
  for (const { run } of ours) await records.put({ ...run, stoppedWithHost: true })
  return ours.map(({ domain }) => domain)
}

function runs({ owner, state }: ObservedDomain): boolean {
  return owner !== undefined && state !== 'shut-off' && state !== 'crashed'
}

async function stopMachine(
  { uuid, name }: ObservedDomain,
  { hypervisor, clock, graceMs, signal, report }: StopMachinesOptions,
): Promise<void> {
  const deadline = clock.monotonic() + graceMs
  const timeUp = new AbortController()
  const cancel = clock.after(graceMs, () => timeUp.abort())
  try {
    await shutDown(uuid, hypervisor, clock, AbortSignal.any([signal, timeUp.signal]))
  } finally {
    cancel()
  }
  if (clock.monotonic() < deadline) return
  report(`Powering off ${name}: it did not shut down in ${graceMs / 1000} s`)
  await hypervisor.destroyDomain(uuid, signal)
}

/** Asks, and asks again, until the domain is off or `signal` is aborted. */
async function shutDown(
  uuid: string,
  hypervisor: Hypervisor,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController()
  const done = AbortSignal.any([signal, ended.signal])
  const events = hypervisor.events(done)
  let cancelAsk: () => void = () => {}
  const ask = () => {
    if (done.aborted) return
    // A guest that is gone already is what we want; whether it is shows in the events.
    hypervisor.shutdownDomain(uuid, done).catch(() => {})
    cancelAsk = clock.after(askAgainMs, ask)
  }
  try {
    for await (const event of events) {
      if (event.type === 'resync') ask()
      if (!(await stillRuns(uuid, hypervisor))) return
    }
  } finally {
    cancelAsk()
    ended.abort()
  }
}

async function stillRuns(uuid: string, hypervisor: Hypervisor): Promise<boolean> {
  try {
    const domain = await hypervisor.getDomain(uuid)
    return domain !== undefined && runs(domain)
  } catch (error) {
    // The connection is made anew by itself; the resync that follows makes us look again.
    if (error instanceof HypervisorError && error.code === 'unavailable') return true
    throw error
  }
}
