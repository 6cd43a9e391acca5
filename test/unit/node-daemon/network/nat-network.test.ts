import { describe, expect, test } from 'vitest'
import { checkNatNetwork, natBridgeName } from '../../../../node-daemon/network/nat-network.ts'
import {
  formatAddress,
  netmaskOf,
  overlap,
  parseAddress,
  parseSubnet,
} from '../../../../node-daemon/network/subnet.ts'

const spec = {
  type: 'nat',
  name: 'default',
  cidr: '10.80.0.0/24',
  gateway: '10.80.0.1',
  dhcpStart: '10.80.0.2',
  dhcpEnd: '10.80.0.254',
  dns: [],
} as const

describe('natBridgeName', () => {
  test('is a legal interface name however long the network name is', () => {
    for (const name of ['a', 'default', 'n'.repeat(253)])
      expect(natBridgeName(name)).toMatch(/^kv-[0-9a-f]{10}$/)
  })

  test('is the same for one network and differs between networks', () => {
    expect(natBridgeName('default')).toBe(natBridgeName('default'))
    expect(natBridgeName('default')).not.toBe(natBridgeName('default2'))
  })
})

describe('checkNatNetwork', () => {
  test('accepts a range with gateway and DHCP addresses in it', () => {
    expect(() => checkNatNetwork(spec)).not.toThrow()
  })

  test.each([
    { change: { cidr: '10.80.0.0' }, message: '"10.80.0.0" is not an IPv4 range' },
    { change: { cidr: '10.80.0.0/31' }, message: 'must have a prefix from 8 to 30' },
    { change: { cidr: '10.80.0.256/24' }, message: 'is not an IPv4 range' },
    { change: { gateway: '10.81.0.1' }, message: 'gateway 10.81.0.1 is not in 10.80.0.0/24' },
    { change: { dhcpEnd: '10.80.1.0' }, message: 'dhcpEnd 10.80.1.0 is not in' },
    { change: { dhcpStart: 'x' }, message: 'dhcpStart x is not in' },
    { change: { dhcpStart: '10.80.0.9', dhcpEnd: '10.80.0.8' }, message: 'is after dhcpEnd 10.80.0.8' },
  ])('refuses $change', ({ change, message }) => {
    expect(() => checkNatNetwork({ ...spec, ...change })).toThrow(message)
  })
})

describe('subnets', () => {
  test('begin at the network address wherever the given address lies', () => {
    expect(parseSubnet('192.168.77.130/25')).toEqual({ first: 3232255360, last: 3232255487, prefix: 25 })
  })

  test.each([
    { one: '10.0.0.0/8', other: '10.80.0.0/24', overlaps: true },
    { one: '10.80.0.0/24', other: '10.80.1.0/24', overlaps: false },
    { one: '10.80.0.0/25', other: '10.80.0.128/25', overlaps: false },
    { one: '10.80.0.0/23', other: '10.80.1.0/24', overlaps: true },
  ])('$one and $other: overlap $overlaps', ({ one, other, overlaps }) => {
    expect(overlap(parseSubnet(one), parseSubnet(other))).toBe(overlaps)
    expect(overlap(parseSubnet(other), parseSubnet(one))).toBe(overlaps)
  })

  test('have a netmask', () => {
    expect(netmaskOf(parseSubnet('10.0.0.0/8'))).toBe('255.0.0.0')
    expect(netmaskOf(parseSubnet('10.0.0.0/30'))).toBe('255.255.255.252')
  })

  test('addresses survive reading and writing', () => {
    expect(formatAddress(Number(parseAddress('255.254.0.1')))).toBe('255.254.0.1')
    expect(parseAddress('1.2.3')).toBeUndefined()
    expect(parseAddress('1.2.3.4.5')).toBeUndefined()
    expect(parseAddress('1.2.3.x')).toBeUndefined()
  })
})
