import type { LibvirtHost } from 'node-libvirt'
import { LibvirtError, virErrorNumber } from 'node-libvirt'
import type { DomainSpec } from '../domain-spec.ts'
import { hasProcess, refuseNamesake, refuseOtherOwner } from '../ownership.ts'
import { usableCache } from './direct-io.ts'
import { attempt } from './errors.ts'
import type { DomainReader } from './observe-domain.ts'
import { domainHandle } from './observe-domain.ts'
import type { Accelerator } from './xml/cpu.ts'
import { undefineDomain } from './undefine-domain.ts'
import { domain } from './xml/domain.ts'
import { renderXml } from './xml/element.ts'

export interface StartDomainDeps {
  readonly libvirt: LibvirtHost
  readonly reader: DomainReader
  readonly accelerator: () => Promise<Accelerator>
}

/**
 * Defines and starts: three round trips beside QEMU's own start. An existing definition of the same run is replaced,
 * so that a changed spec counts from the next start on.
 */
export async function startDomain(
  { libvirt, reader, accelerator }: StartDomainDeps,
  spec: DomainSpec,
  signal?: AbortSignal,
): Promise<void> {
  const act = `start domain ${spec.name}`
  const [existing, xml] = await Promise.all([
    attempt(act, () => reader.read(spec.uuid, signal)),
    attempt(act, () => renderDomain(spec, accelerator)),
  ])
  if (existing !== undefined) {
    refuseOtherOwner(spec, existing)
    if (hasProcess(existing)) return
  }
  try {
    await libvirt.query('domainDefineXmlFlags', { xml }, { signal })
  } catch (error) {
    if (!(await removeNamesake({ libvirt, reader }, spec, error)))
      return attempt(act, () => Promise.reject(error as Error))
    await attempt(act, () => libvirt.query('domainDefineXmlFlags', { xml }, { signal }))
  }
  try {
    await libvirt.job('domainCreateWithFlags', { dom: domainHandle(spec.uuid) }, { signal })
  } catch (error) {
    // Someone else may have started it between our look and our call; that it runs is all that was asked for.
    const raced = LibvirtError.is(error, virErrorNumber.VIR_ERR_OPERATION_INVALID)
    if (raced && (await runsAsOurs(reader, spec, signal))) return
    return attempt(act, () => Promise.reject(error as Error))
  }
}

/** The XML of a domain on this host. */
export async function renderDomain(
  spec: DomainSpec,
  accelerator: StartDomainDeps['accelerator'],
): Promise<string> {
  const caches = await Promise.all(
    spec.disks
      .flatMap(({ path }) => path ?? [])
      .map(async (path) => [path, await usableCache(path)] as const),
  )
  const cacheOf = new Map(caches)
  return renderXml(
    domain(spec, {
      accelerator: await accelerator(),
      diskCache: (path) => cacheOf.get(path) ?? 'none',
    }),
  )
}

/**
 * Whether the name was held by what a former life of the same machine left behind, which is gone now. libvirt refuses a
 * name in use with its most general code, so the name is looked up to know. Throws `conflict` for any other holder.
 */
async function removeNamesake(
  { libvirt, reader }: Pick<StartDomainDeps, 'libvirt' | 'reader'>,
  spec: DomainSpec,
  error: unknown,
): Promise<boolean> {
  if (!LibvirtError.is(error, virErrorNumber.VIR_ERR_OPERATION_FAILED)) return false
  const found = await libvirt.query('domainLookupByName', { name: spec.name }).catch(() => undefined)
  if (found === undefined || found.dom.uuid === spec.uuid) return false
  const namesake = await reader.read(found.dom.uuid)
  if (namesake === undefined) return true
  refuseNamesake(spec, namesake, error)
  await undefineDomain(libvirt, namesake.uuid)
  return true
}

async function runsAsOurs(reader: DomainReader, spec: DomainSpec, signal?: AbortSignal): Promise<boolean> {
  const now = await reader.read(spec.uuid, signal)
  return now !== undefined && now.owner?.uid === spec.owner.uid && hasProcess(now)
}
