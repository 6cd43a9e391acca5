import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import { domainSpecOf, ownerOf } from './domain-spec.ts'
import type { MachineDeps } from './machine-deps.ts'
import { notReadyStatus } from './machine-status.ts'
import { diskKeysOf } from './resource-needs.ts'
import type { Situation } from './situation.ts'

// A lease that was lost comes back within a renewal or two.
const leaseRecheckMs = 500
const diskBusyMs = 1_000

export type StartResult =
  | { readonly type: 'started' }
  | { readonly type: 'not-now'; readonly againAfterMs?: number }
  | { readonly type: 'failed'; readonly message: string; readonly againAfterMs: number }

/**
 * Starts the domain of a run, after the server itself has confirmed that the run is this host's and is to go on, and
 * after the intent is stored: whoever finds the phase `Starting` knows that a domain may exist here.
 */
export async function startRun(
  situation: Situation,
  deps: MachineDeps,
  signal: AbortSignal,
): Promise<StartResult> {
  const { run } = situation
  if (!deps.leaseHeld()) return { type: 'not-now', againAfterMs: leaseRecheckMs }
  const live = await deps.runs.getLive(run.metadata, signal)
  if (live === undefined || !mayStart(live, run, deps.hostName)) return { type: 'not-now' }
  const diskKeys = diskKeysOf(run)
  if (!deps.diskUse.take(diskKeys, run.metadata.uid)) return { type: 'not-now', againAfterMs: diskBusyMs }
  // Looked at again now that they cannot be taken away any more.
  if (diskKeys.some((key) => deps.disks.get(key)?.metadata.deletionTimestamp !== undefined)) {
    deps.diskUse.release(run.metadata.uid)
    return { type: 'not-now', againAfterMs: diskBusyMs }
  }
  const starting = { phase: 'Starting', reason: 'Starting', message: 'The machine is being started' } as const
  // A run that failed to start before keeps saying so until it starts.
  const alreadyStarting = live.status?.phase === 'Starting'
  if (!alreadyStarting) await deps.runs.writeStatus(live, notReadyStatus(live, deps.clock, starting), signal)
  return startDomain(live, situation, deps, signal)
}

function mayStart(
  live: Stored<VirtualMachineInstance>,
  run: Stored<VirtualMachineInstance>,
  hostName: string,
): boolean {
  const { phase } = live.status ?? {}
  return (
    live.metadata.uid === run.metadata.uid &&
    live.metadata.deletionTimestamp === undefined &&
    live.spec.hostName === hostName &&
    phase !== 'Succeeded' &&
    phase !== 'Failed'
  )
}

async function startDomain(
  run: Stored<VirtualMachineInstance>,
  situation: Situation,
  deps: MachineDeps,
  signal: AbortSignal,
): Promise<StartResult> {
  const owner = ownerOf(run)
  const startedAt = deps.clock.monotonic()
  try {
    const spec = domainSpecOf(run, situation.disks, situation.networks)
    await deps.records.put({ ...owner, uuid: spec.uuid })
    await ensureDhcpHosts(run, deps, signal)
    // The look at the server may have been long ago by now, for a process that was paused.
    if (!deps.leaseHeld()) return { type: 'not-now', againAfterMs: leaseRecheckMs }
    await deps.hypervisor.startDomain(spec, signal)
  } catch (error) {
    if (!(error instanceof HypervisorError) || error.code === 'unavailable') throw error
    deps.log.warn('Machine did not start', { ...owner, error })
    const againAfterMs = deps.startBackoff.fail(owner.uid)
    deps.metrics?.starts.inc({ result: 'failed' })
    return { type: 'failed', message: startFailure(error), againAfterMs }
  }
  deps.startBackoff.reset(owner.uid)
  deps.metrics?.starts.inc({ result: 'started' })
  deps.metrics?.startSeconds.observe((deps.clock.monotonic() - startedAt) / 1000)
  return { type: 'started' }
}

async function ensureDhcpHosts(
  run: Stored<VirtualMachineInstance>,
  deps: MachineDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const { network, macAddress, ipAddress } of dhcpInterfaces(run, deps)) {
    await deps.networkDriver.ensureDhcpHost(
      network.name,
      { macAddress, ipAddress, name: dhcpName(run) },
      signal,
    )
  }
}

/** Interfaces whose address a DHCP server on this host hands out. */
export function dhcpInterfaces(run: Stored<VirtualMachineInstance>, deps: Pick<MachineDeps, 'isNat'>) {
  return run.spec.interfaces.flatMap((one) => {
    const { ipAddress } = one
    return ipAddress !== undefined && deps.isNat(one.network.name) ? [{ ...one, ipAddress }] : []
  })
}

/** Unique on the host: namespaces have no dot. */
function dhcpName({ spec, metadata }: Stored<VirtualMachineInstance>): string {
  return `${spec.virtualMachine.name}.${metadata.namespace ?? ''}`
}

function startFailure(error: HypervisorError): string {
  const prefix = error.code === 'conflict' ? 'The machine cannot start' : 'The machine did not start'
  return `${prefix}: ${error.message}`.slice(0, 512)
}
