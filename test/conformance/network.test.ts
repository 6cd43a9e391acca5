import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger } from '../../apimachinery/log.ts'
import { openLibvirt } from '../../node-daemon/hypervisor/libvirt/open-libvirt.ts'
import { fakeNetworks } from '../../node-daemon/network/fake/fake-networks.ts'
import { libvirtNetworks } from '../../node-daemon/network/libvirt/libvirt-networks.ts'
import { libvirtNetworkName } from '../../node-daemon/network/libvirt/network-xml.ts'
import { natBridgeName } from '../../node-daemon/network/nat-network.ts'
import { missingForLibvirtHost, startLibvirtHost } from '../support/libvirt-host.ts'
import type { NetworksUnderTest } from './network-conformance.ts'
import { networkConformance } from './network-conformance.ts'

networkConformance('fake', async () => {
  const networks = fakeNetworks({ bridges: ['br0'] })
  const { world } = networks
  return {
    networks,
    bridge: 'br0',
    dhcpHosts: async (network) =>
      world
        .dhcpHosts(network)
        .map(({ macAddress, ipAddress }) => ({ macAddress, ipAddress }))
        .toSorted(byAddress),
    gateway: async (network) => (world.isUp(network) ? world.specOf(network)?.gateway : undefined),
    takeDown: async (network) => world.takeDown(network),
    addForeignNetwork: async (name, cidr) => world.addForeignNetwork(name, cidr),
    dispose: async () => {},
  }
})

networkConformance('libvirt', onLibvirt, missingForLibvirtHost())

async function onLibvirt(): Promise<NetworksUnderTest> {
  const host = await startLibvirtHost()
  const inHost = async (...argv: string[]) => {
    const { code, stdout, stderr } = await host.exec(argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  await inHost('ip', 'link', 'add', 'br0', 'type', 'bridge')
  const libvirt = openLibvirt(host.uri)
  return {
    networks: libvirtNetworks({ libvirt, log: silentLogger, run: (argv, input) => host.exec(argv, input) }),
    bridge: 'br0',
    /** dnsmasq's own file, which libvirt writes: what is in force, not what was defined. */
    async dhcpHosts(network) {
      const path = `/var/lib/libvirt/dnsmasq/${libvirtNetworkName(network)}.hostsfile`
      const { stdout } = await host.exec(['cat', path])
      const lines = stdout.split('\n').filter((line) => line !== '')
      return lines
        .map((line) => {
          const [macAddress = '', ipAddress = ''] = line.split(',')
          return { macAddress, ipAddress }
        })
        .toSorted(byAddress)
    },
    async gateway(network) {
      const { code, stdout } = await host.exec([
        'ip',
        '-4',
        '-o',
        'address',
        'show',
        'dev',
        natBridgeName(network),
      ])
      return code === 0 ? /inet ([0-9.]+)\//.exec(stdout)?.[1] : undefined
    },
    async addForeignNetwork(name, cidr) {
      const path = join(host.directory, `${name}.xml`)
      const address = cidr.replace('.0/24', '.1')
      await writeFile(
        path,
        `<network><name>${libvirtNetworkName(name)}</name><ip address="${address}" prefix="24"/></network>`,
      )
      await inHost('virsh', 'net-define', path)
    },
    async takeDown(network) {
      await inHost('virsh', 'net-destroy', libvirtNetworkName(network))
    },
    async dispose() {
      await libvirt.close()
      await host.stop()
    },
  }
}

function byAddress(one: { readonly ipAddress: string }, other: { readonly ipAddress: string }): number {
  return one.ipAddress.localeCompare(other.ipAddress, 'en', { numeric: true })
}
