import type { LibvirtHost } from 'node-libvirt'
import { virDomainUndefineFlagsValues } from 'node-libvirt'
import { z } from 'zod'
import { domainHandle, orMissing } from './observe-domain.ts'
import { one, optional, parseXml, text } from './xml/parse.ts'

const undefineFlags =
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
  virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA

const { VIR_DOMAIN_UNDEFINE_NVRAM: removeNvram, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM: keepNvram } =
  virDomainUndefineFlagsValues

// Where libvirt puts the variables of a domain that names no file for them.
const libvirtsOwn = '/var/lib/libvirt/qemu/nvram/'

const nvram = z.object({
  domain: one(z.object({ os: one(z.object({ nvram: optional(text) })) })),
})

/**
 * Removes the definition of a domain that is switched off, with everything libvirt keeps beside it. What the machine
 * keeps for life stays: a TPM's state by its own definition, variables of firmware where the domain names their file.
 */
export async function undefineDomain(
  libvirt: LibvirtHost,
  uuid: string,
  signal?: AbortSignal,
): Promise<void> {
  const dom = domainHandle(uuid)
  const described = await orMissing(libvirt.query('domainGetXmlDesc', { dom, flags: 0 }, { signal }))
  if (described === undefined) return
  const path = parseXml('a domain', described.xml, nvram).domain.os.nvram ?? libvirtsOwn
  const flags = undefineFlags | (path.startsWith(libvirtsOwn) ? removeNvram : keepNvram)
  await orMissing(libvirt.query('domainUndefineFlags', { dom, flags }, { signal }))
}
