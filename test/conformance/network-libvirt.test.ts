import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LibvirtHost } from 'node-libvirt'
import { silentLogger } from '../../apimachinery/log.ts'
import { openLibvirt } from '../../node-daemon/hypervisor/libvirt/open-libvirt.ts'
import { libvirtNetworks } from '../../node-daemon/network/libvirt/libvirt-networks.ts'
import type { RunProgram } from '../../node-daemon/network/libvirt/run-program.ts'
import type { SendBroadcast } from '../../node-daemon/network/libvirt/send-broadcast.ts'
import type { NatNetworkSpec } from '../../node-daemon/network/nat-network.ts'
import type { NetworkDriver } from '../../node-daemon/network/network-driver.ts'
import type { LibvirtTestHost } from '../support/libvirt-host.ts'
import { missingForLibvirtHost, startLibvirtHost } from '../support/libvirt-host.ts'

const missing = missingForLibvirtHost() ?? (existsSync('/usr/bin/busybox') ? undefined : 'busybox')
const needs = missing === undefined ? '' : ` (needs ${missing})`

const spec: NatNetworkSpec = {
  type: 'nat',
  name: 'conf-nat',
  cidr: '10.213.77.0/24',
  gateway: '10.213.77.1',
  dhcpStart: '10.213.77.2',
  dhcpEnd: '10.213.77.254',
  dns: [],
}
const guestMac = '52:54:00:13:77:2a'
const guestIp = '10.213.77.42'
const outsideIp = '192.0.2.2'
const soon = { timeout: 15_000, interval: 20 }

/** A guest is played by a network namespace on the bridge, the outside by one behind another link of the host. */
describe.skipIf(missing !== undefined)(`a NAT network of libvirt${needs}`, () => {
  let host: LibvirtTestHost
  let libvirt: LibvirtHost
  let networks: NetworkDriver
  let bridge: string

  const inHost = async (...argv: string[]) => {
    const { code, stdout, stderr } = await host.exec(argv)
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  const inGuest = (...argv: string[]) => host.exec(['ip', 'netns', 'exec', 'guest', 'busybox', ...argv])
  const ping = (address: string) => ['ping', '-c', '1', '-W', '2', address]
  const plug = async (namespace: string, end: string) => {
    await inHost('ip', 'netns', 'add', namespace)
    await inHost('ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    await inHost('ip', 'link', 'set', end, 'up')
    await inHost('ip', '-n', namespace, 'link', 'set', 'eth0', 'up')
  }

  beforeAll(async () => {
    host = await startLibvirtHost()
    libvirt = openLibvirt(host.uri)
    const run: RunProgram = (argv, input) => host.exec(argv, input)
    const send: SendBroadcast = (message, route) => host.sendDatagram(message, route)
    networks = libvirtNetworks({ libvirt, log: silentLogger, run, send })
    ;({ bridge } = await networks.ensureNetwork(spec))
    await networks.ensureDhcpHost(spec.name, { macAddress: guestMac, ipAddress: guestIp, name: 'guest' })

    await plug('outside', 'veth-out')
    await inHost('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'veth-out')
    await inHost('ip', '-n', 'outside', 'address', 'add', `${outsideIp}/24`, 'dev', 'eth0')
    await inHost('ip', '-n', 'outside', 'route', 'add', spec.cidr, 'via', '192.0.2.1')
    await plug('guest', 'veth-guest')
    await inHost('ip', '-n', 'guest', 'link', 'set', 'eth0', 'address', guestMac)
    await inHost('ip', 'link', 'set', 'veth-guest', 'master', bridge)
  })
  afterAll(async () => {
    await libvirt?.close()
    await host?.stop()
  })

  test('gives a guest its address by DHCP', async () => {
    const ask = ['udhcpc', '-f', '-n', '-q', '-t', '5', '-i', 'eth0', '-s', '/bin/true']
    await expect
      .poll(async () => (await inGuest(...ask)).stderr, soon)
      .toContain(`lease of ${guestIp} obtained from ${spec.gateway}`)
    await inHost('ip', '-n', 'guest', 'address', 'add', `${guestIp}/24`, 'dev', 'eth0')
    await inHost('ip', '-n', 'guest', 'route', 'add', 'default', 'via', spec.gateway)
  })

  test('is reached from the host', async () => {
    expect(await host.exec(['busybox', ...ping(guestIp)])).toMatchObject({ code: 0 })
  })

  test("lets guests out with the host's address, and only answers in", async () => {
    expect(await inGuest(...ping(outsideIp))).toMatchObject({ code: 0 })
    // The outside would know the way in.
    const inward = await host.exec(['ip', 'netns', 'exec', 'outside', 'busybox', ...ping(guestIp)])
    expect(inward).not.toMatchObject({ code: 0 })
    expect(await inHost('iptables', '-t', 'nat', '-S', 'KVORUM-NAT')).toContain('MASQUERADE')
  })

  test('answers DNS', async () => {
    const { stdout } = await inGuest('nslookup', 'guest', spec.gateway)
    expect(stdout).toContain(guestIp)
  })

  test.each([
    { when: 'its machine was forgotten', forgetFirst: true },
    { when: 'its machine still has a lease of it', forgetFirst: false },
  ])('gives an address to another machine when $when', async ({ forgetFirst }) => {
    const lease = async (macAddress: string) => {
      await inHost('ip', '-n', 'guest', 'link', 'set', 'eth0', 'address', macAddress)
      return (await inGuest('udhcpc', '-f', '-n', '-q', '-t', '5', '-i', 'eth0', '-s', '/bin/true')).stderr
    }
    const [first, second] = forgetFirst
      ? ['52:54:00:13:77:a1', '52:54:00:13:77:a2']
      : ['52:54:00:13:77:b1', '52:54:00:13:77:b2']
    const ipAddress = forgetFirst ? '10.213.77.100' : '10.213.77.101'
    await networks.ensureDhcpHost(spec.name, { macAddress: first, ipAddress, name: 'first' })
    // dnsmasq reads its entries again on a signal, a moment after libvirt has answered.
    await expect.poll(() => lease(first), soon).toContain(`lease of ${ipAddress} obtained`)
    if (forgetFirst) await networks.removeDhcpHost(spec.name, first)
    await networks.ensureDhcpHost(spec.name, { macAddress: second, ipAddress, name: 'second' })
    await expect.poll(() => lease(second), soon).toContain(`lease of ${ipAddress} obtained`)
    await inHost('ip', '-n', 'guest', 'link', 'set', 'eth0', 'address', guestMac)
  })

  test('has its packet rules again after somebody flushed them and libvirtd restarted', async () => {
    await inHost('iptables', '-t', 'nat', '-F')
    await inHost('iptables', '-F')
    await host.killLibvirtd()
    await host.startLibvirtd()
    const back = new Promise((resolve) => libvirt.once('state', resolve))
    if (libvirt.state !== 'up') await back
    await networks.ensureNetwork(spec)
    expect(await inGuest(...ping(outsideIp))).toMatchObject({ code: 0 })
  })

  test('keeps its settings while a machine is plugged in, and takes new ones after that', async () => {
    const address = async () =>
      /inet ([0-9.]+)/.exec(await inHost('ip', '-4', 'address', 'show', 'dev', bridge))?.[1]
    const path = join(host.directory, 'plugged.xml')
    await writeFile(
      path,
      `<domain type="qemu"><name>plugged</name><memory>65536</memory><os><type>hvm</type></os><devices>
        <interface type="bridge"><source bridge="${bridge}"/><model type="virtio"/></interface></devices></domain>`,
    )
    await inHost('virsh', 'create', path)
    const changed = { ...spec, gateway: '10.213.77.254', dhcpEnd: '10.213.77.250' }
    await networks.ensureNetwork(changed)
    expect(await address()).toBe(spec.gateway)

    await inHost('virsh', 'destroy', 'plugged')
    await networks.ensureNetwork(changed)
    expect(await address()).toBe(changed.gateway)
  })

  test('leaves nothing behind when it is removed', async () => {
    await networks.removeNetwork(spec.name)
    expect(await inHost('iptables-save')).not.toContain('KVORUM')
    expect((await host.exec(['ip', 'link', 'show', bridge])).code).not.toBe(0)
    // In /run libvirt itself leaves an empty pid file of dnsmasq.
    const files = await inHost('find', '/etc/libvirt', '/var/lib/libvirt', '-name', `*${spec.name}*`)
    expect(files.trim()).toBe('')
  })
})
