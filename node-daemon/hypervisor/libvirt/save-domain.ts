import { open, rm, stat } from 'node:fs/promises'
import { virDomainSaveRestoreFlags } from 'node-libvirt'
import type { DomainSpec } from '../domain-spec.ts'
import type { SavedMemory } from '../hypervisor.ts'
import { hasProcess, refuseOtherOwner } from '../ownership.ts'
import { domainHandle } from './observe-domain.ts'
import { type PauseDomainDeps, runningDomain } from './pause-domain.ts'

// Memory is read once and written once: it would only push what is useful out of the page cache. Not every file
// system can do without, so it is asked of none.
const saveFlags = 0

/** Resolves when the file is complete and the process is gone. libvirt lets the domain go on when it fails. */
export async function saveDomain(
  { libvirt, reader }: PauseDomainDeps,
  uuid: string,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  await runningDomain(reader, uuid, signal)
  // Overwriting would keep owner and mode of whatever is there.
  await rm(path, { force: true })
  await libvirt.job('domainSaveFlags', { dom: domainHandle(uuid), to: path, flags: saveFlags }, { signal })
}

export interface RestoreDomainDeps extends PauseDomainDeps {
  /** The domain's definition as XML, for what comes after the restored process. */
  readonly render: (spec: DomainSpec) => Promise<string>
}

/** The process comes from the file, the definition beside it from the spec. */
export async function restoreDomain(
  { libvirt, reader, render }: RestoreDomainDeps,
  spec: DomainSpec,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const [existing, xml] = await Promise.all([reader.read(spec.uuid, signal), render(spec)])
  if (existing !== undefined) {
    refuseOtherOwner(spec, existing)
    if (hasProcess(existing)) return
  } else {
    await libvirt.query('domainDefineXmlFlags', { xml }, { signal })
  }
  const flags = virDomainSaveRestoreFlags.VIR_DOMAIN_SAVE_PAUSED
  await libvirt.job('domainRestoreFlags', { from: path, flags }, { signal })
}

// What libvirt begins such a file with, once it is whole; until then it says "LibvirtQemudPart".
const completeMark = 'LibvirtQemudSave'

export async function readSavedMemory(path: string): Promise<SavedMemory | undefined> {
  try {
    const { size } = await stat(path)
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(completeMark.length),
        0,
        completeMark.length,
        0,
      )
      return { complete: buffer.toString('latin1', 0, bytesRead) === completeMark, bytes: size }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
