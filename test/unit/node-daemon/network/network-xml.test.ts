import { describe, expect, test } from 'vitest'
import { renderXml } from '../../../../node-daemon/hypervisor/libvirt/xml/element.ts'
import { parseNetwork, settingsOf } from '../../../../node-daemon/network/libvirt/network-document.ts'
import { natNetwork } from '../../../../node-daemon/network/libvirt/network-xml.ts'
import type { NatNetworkSpec } from '../../../../node-daemon/network/nat-network.ts'

const spec: NatNetworkSpec = {
  type: 'nat',
  name: 'default',
  cidr: '10.80.0.0/24',
  gateway: '10.80.0.1',
  dhcpStart: '10.80.0.2',
  dhcpEnd: '10.80.0.254',
  dns: ['192.0.2.53', '192.0.2.54'],
  mtu: 1400,
}
const uuid = 'e5010783-47d1-49e1-8a73-bc8f15b7fdfd'
const hosts = [
  { macAddress: '52:54:00:00:00:01', ipAddress: '10.80.0.5', name: 'web' },
  { macAddress: '52:54:00:00:00:02', ipAddress: '10.80.0.6' },
]

describe('natNetwork', () => {
  test('is what nat-network.xml says', async () => {
    const xml = renderXml(natNetwork(spec, { uuid, macAddress: '52:54:00:ab:a6:c7', hosts }))
    await expect(`${xml}\n`).toMatchFileSnapshot('testdata/nat-network.xml')
  })

  test('is read back as it was meant', () => {
    const read = parseNetwork(renderXml(natNetwork(spec, { uuid, macAddress: '52:54:00:ab:a6:c7', hosts })))
    expect(read).toEqual({
      libvirtName: 'kvorum-default',
      uuid,
      owner: 'default',
      macAddress: '52:54:00:ab:a6:c7',
      gateway: '10.80.0.1',
      subnets: [{ first: 173015040, last: 173015295, prefix: 24 }],
      hosts,
      settings: settingsOf(spec),
    })
  })

  test.each([
    { change: { gateway: '10.80.0.254' } },
    { change: { dhcpStart: '10.80.0.3' } },
    { change: { dhcpEnd: '10.80.0.253' } },
    { change: { dns: ['192.0.2.54', '192.0.2.53'] } },
    { change: { mtu: 1500 } },
    { change: { cidr: '10.80.0.0/25' } },
    { change: { name: 'other' } },
  ])('with $change has other settings', ({ change }) => {
    const { mtu: _mtu, ...withoutMtu } = spec
    expect(settingsOf({ ...spec, ...change })).not.toBe(settingsOf(spec))
    expect(settingsOf(withoutMtu)).not.toBe(settingsOf(spec))
  })
})

describe('parseNetwork', () => {
  const parse = (inner: string) =>
    parseNetwork(`<network><name>n</name><uuid>${uuid}</uuid>${inner}</network>`)

  test('reads networks of others: netmasks, several ranges, IPv6, none at all', () => {
    expect(
      parse(
        '<ip address="192.168.122.1" netmask="255.255.255.0"/><ip family="ipv6" address="fd00::1" prefix="64"/>' +
          '<ip address="172.16.0.1" prefix="30"/>',
      ),
    ).toMatchObject({ owner: undefined, subnets: [{ prefix: 24 }, { prefix: 30 }] })
    expect(parse('<forward mode="bridge"/><bridge name="br0"/>').subnets).toEqual([])
    expect(parse('<ip address="10.0.0.1" netmask="255.0.255.0"/>').subnets).toEqual([])
  })

  test("does not take another program's metadata for ours", () => {
    expect(
      parse('<metadata><x:app xmlns:x="urn:x"><x:network name="default"/></x:app></metadata>').owner,
    ).toBe(undefined)
  })
})
