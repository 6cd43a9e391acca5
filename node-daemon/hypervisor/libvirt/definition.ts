import type { LibvirtHost } from 'node-libvirt'
import { LibvirtError, virDomainXMLFlags, virErrorNumber } from 'node-libvirt'
import { domainHandle } from './observe-domain.ts'

// With what is secret in it, so that nothing is lost when it is put back.
const flags = virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE | virDomainXMLFlags.VIR_DOMAIN_XML_SECURE

/** The XML that libvirt keeps for the next start; undefined for a domain that would be gone when it ends. */
export async function readDefinition(
  libvirt: LibvirtHost,
  uuid: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const dom = domainHandle(uuid)
  try {
    // libvirt describes a domain without definition by what runs.
    const [{ persistent }, { xml }] = await Promise.all([
      libvirt.query('domainIsPersistent', { dom }, { signal }),
      libvirt.query('domainGetXmlDesc', { dom, flags }, { signal }),
    ])
    return persistent === 1 ? xml : undefined
  } catch (error) {
    if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_DOMAIN)) return undefined
    throw error
  }
}
