import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { LibvirtHost } from 'node-libvirt'
import { LibvirtError, virErrorNumber } from 'node-libvirt'
import { z } from 'zod'
import { HypervisorError } from '../../hypervisor/hypervisor.ts'
import { one, parseXml } from '../../hypervisor/libvirt/xml/parse.ts'

const document = z.object({ interface: one(z.object({ '@type': z.string() })) })

/** Whether the host that libvirt runs on has a bridge of this name. */
export async function hasBridge(
  libvirt: LibvirtHost,
  bridge: string,
  signal?: AbortSignal,
): Promise<boolean> {
  // Also keeps the name from leading out of /sys/class/net below.
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(bridge))
    throw new HypervisorError('invalid', `"${bridge}" is not the name of a network interface`)
  try {
    const iface = { name: bridge, mac: '' }
    const { xml } = await libvirt.query('interfaceGetXmlDesc', { iface }, { signal })
    return parseXml('an interface', xml, document).interface['@type'] === 'bridge'
  } catch (error) {
    if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_INTERFACE)) return false
    // A libvirt that was built or installed without its interface driver; the daemon is on the same host.
    if (LibvirtError.is(error, virErrorNumber.VIR_ERR_NO_SUPPORT)) return isLocalBridge(bridge)
    throw error
  }
}

function isLocalBridge(bridge: string): Promise<boolean> {
  return access(join('/sys/class/net', bridge, 'bridge')).then(
    () => true,
    () => false,
  )
}
