import type { LibvirtHost } from 'node-libvirt'
import { virConnectListAllDomainsFlags } from 'node-libvirt'
import { z } from 'zod'
import { orMissing } from '../../hypervisor/libvirt/observe-domain.ts'
import { many, one, parseXml } from '../../hypervisor/libvirt/xml/parse.ts'

const source = z.object({ '@bridge': z.string().optional() })
const card = z.object({ source: many(source) })
const document = z.object({
  domain: one(z.object({ devices: one(z.object({ interface: many(card) })) })),
})

/** Whether a machine that runs is plugged into the bridge. Reads every running machine, so it is for rare questions. */
export async function isPluggedInto(
  libvirt: LibvirtHost,
  bridge: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const flags = virConnectListAllDomainsFlags.VIR_CONNECT_LIST_DOMAINS_ACTIVE
  const { domains } = await libvirt.query('connectListAllDomains', { needResults: 1, flags }, { signal })
  for (const dom of domains) {
    const described = await orMissing(libvirt.query('domainGetXmlDesc', { dom }, { signal }))
    if (described === undefined) continue
    const { devices } = parseXml('a domain', described.xml, document).domain
    if (devices.interface.some((item) => item.source.some((place) => place['@bridge'] === bridge)))
      return true
  }
  return false
}
