import type { LibvirtHost } from 'node-libvirt'
import { virDomainUndefineFlagsValues } from 'node-libvirt'
import { domainHandle, orMissing } from './observe-domain.ts'

const undefineFlags =
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_NVRAM

/** Removes the definition of a domain that is switched off, with everything libvirt keeps beside it. */
export async function undefineDomain(
  libvirt: LibvirtHost,
  uuid: string,
  signal?: AbortSignal,
): Promise<void> {
  await orMissing(
    libvirt.query('domainUndefineFlags', { dom: domainHandle(uuid), flags: undefineFlags }, { signal }),
  )
}
