import type { Stored } from '../../crds/meta/object-meta.ts'
import type { VirtualMachineInstance } from '../../crds/v1alpha1/virtual-machine-instance.ts'
import type { DomainSpec } from '../hypervisor/domain-spec.ts'
import { noteTpm } from '../devices/machine-state.ts'
import { HypervisorError } from '../hypervisor/hypervisor.ts'
import { domainSpecOf, ownerOf, statePathOf } from './domain-spec.ts'
import type { MachineDeps } from './machine-deps.ts'
import { asleepStatus, notReadyStatus } from './machine-status.ts'
import { diskKeysOf } from './resource-needs.ts'
import { memoryPathOf } from './saved-memory.ts'
import type { Situation } from './situation.ts'

// A lease that was lost comes back within a renewal or two.
const leaseRecheckMs = 500
const diskBusyMs = 1_000

/** From nothing, or with the memory that was saved. */
export type HowToStart = 'start' | 'restore'

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
  how: HowToStart,
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
  const intent = intentOf(live, how, deps)
  // A run that failed to start before keeps saying so until it starts.
  if (live.status?.phase !== intent.phase) await deps.runs.writeStatus(live, intent, signal)
  return startDomain({ run: live, situation, how }, deps, signal)
}

function intentOf(live: Stored<VirtualMachineInstance>, how: HowToStart, { clock }: MachineDeps) {
  if (how === 'start') {
    const starting = {
      phase: 'Starting',
      reason: 'Starting',
      message: 'The machine is being started',
    } as const
    return notReadyStatus(live, clock, starting)
  }
  const resuming = {
    phase: 'Resuming',
    reason: 'Resuming',
    message: 'The machine is being brought back',
  } as const
  return asleepStatus(live, clock, resuming, live.status?.savedMemory)
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

interface Start {
  readonly run: Stored<VirtualMachineInstance>
  readonly situation: Situation
  readonly how: HowToStart
}

async function startDomain(
  { run, situation, how }: Start,
  deps: MachineDeps,
  signal: AbortSignal,
): Promise<StartResult> {
  const owner = ownerOf(run)
  const startedAt = deps.clock.monotonic()
  try {
    const spec = domainSpecOf(run, situation.disks, situation.networks)
    await deps.records.put({ ...owner, uuid: spec.uuid })
    const statePath = statePathOf(run, situation.disks)
    if (spec.tpm !== undefined && statePath !== undefined) await noteTpm(statePath, spec.uuid)
    await ensureDhcpHosts(run, deps, signal)
    // The look at the server may have been long ago by now, for a process that was paused.
    if (!deps.leaseHeld()) return { type: 'not-now', againAfterMs: leaseRecheckMs }
    await bringUp({ run, situation, how }, spec, deps, signal)
  } catch (error) {
    if (!(error instanceof HypervisorError) || error.code === 'unavailable') throw error
    deps.log.warn('Machine did not start', { ...owner, error })
    const againAfterMs = deps.startBackoff.fail(owner.uid)
    deps.metrics?.starts.inc({ result: 'failed' })
    return { type: 'failed', message: startFailure(error, how), againAfterMs }
  }
  deps.startBackoff.reset(owner.uid)
  deps.metrics?.starts.inc({ result: 'started' })
  deps.metrics?.startSeconds.observe((deps.clock.monotonic() - startedAt) / 1000)
  return { type: 'started' }
}

async function bringUp(
  { run, how }: Start,
  spec: DomainSpec,
  deps: MachineDeps,
  signal: AbortSignal,
): Promise<void> {
  if (how === 'restore')
    return deps.hypervisor.restoreDomain(spec, run.status?.savedMemory?.path ?? '', signal)
  // What it was once suspended to fits its disks no more from now on.
  const stale = memoryPathOf(run, deps)
  if (stale !== undefined) await deps.hypervisor.removeSavedMemory(stale)
  await deps.hypervisor.startDomain(spec, signal)
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

function startFailure(error: HypervisorError, how: HowToStart): string {
  if (how === 'restore') return `The machine was not brought back: ${error.message}`.slice(0, 512)
  const prefix = error.code === 'conflict' ? 'The machine cannot start' : 'The machine did not start'
  return `${prefix}: ${error.message}`.slice(0, 512)
}
