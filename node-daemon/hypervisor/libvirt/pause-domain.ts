import type { LibvirtHost } from 'node-libvirt'
import type { ObservedDomain } from '../hypervisor.ts'
import { HypervisorError } from '../hypervisor.ts'
import { hasProcess } from '../ownership.ts'
import type { DomainReader } from './observe-domain.ts'
import { domainHandle } from './observe-domain.ts'

export interface PauseDomainDeps {
  readonly libvirt: LibvirtHost
  readonly reader: DomainReader
}

/**
 * Stops or starts the processors of a running domain. Done already is done; a pause resolves only after whatever libvirt
 * is about to do with the domain, which it takes its turn behind.
 */
export async function setPaused(
  { libvirt, reader }: PauseDomainDeps,
  uuid: string,
  paused: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const domain = await runningDomain(reader, uuid, signal)
  if (!paused && domain.state !== 'paused') return
  const request = { dom: domainHandle(uuid) }
  await (paused
    ? libvirt.job('domainSuspend', request, { signal })
    : libvirt.job('domainResume', request, { signal }))
}

/** Throws when the domain is not ours or has no process. */
export async function runningDomain(
  reader: DomainReader,
  uuid: string,
  signal?: AbortSignal,
): Promise<ObservedDomain> {
  const domain = await reader.readOurs(uuid, signal)
  if (domain === undefined) throw new HypervisorError('not-found', `no domain ${uuid} on this host`)
  if (!hasProcess(domain)) throw new HypervisorError('conflict', `domain ${domain.name} does not run`)
  return domain
}
