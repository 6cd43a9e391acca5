import { describe, expect, test } from 'vitest'
import { networkOnHost } from '../../../../node-daemon/attachment/network-on-host.ts'
import { aNetwork } from '../../../support/builders.ts'

const nat = (subnet: object) =>
  networkOnHost(aNetwork({ spec: { subnets: [{ cidr: '10.80.0.0/24', ...subnet }] } }))

describe('a network as a host brings it up', () => {
  test('leaves the first address to the gateway and the others to machines', () => {
    expect(nat({})).toEqual({
      type: 'nat',
      name: 'default',
      cidr: '10.80.0.0/24',
      gateway: '10.80.0.1',
      dhcpStart: '10.80.0.2',
      dhcpEnd: '10.80.0.254',
      dns: [],
    })
  })

  test('leaves the last address to a gateway that has it', () => {
    expect(nat({ gateway: '10.80.0.254' })).toMatchObject({ dhcpStart: '10.80.0.1', dhcpEnd: '10.80.0.253' })
  })

  test('takes what the spec says', () => {
    const dhcp = { start: '10.80.0.100', end: '10.80.0.200' }
    expect(nat({ dhcp, dns: ['192.0.2.53'] })).toMatchObject({
      dhcpStart: '10.80.0.100',
      dhcpEnd: '10.80.0.200',
      dns: ['192.0.2.53'],
    })
  })

  test('that is a bridge is that bridge', () => {
    const network = aNetwork({ spec: { type: 'bridge', bridge: { name: 'br0' }, subnets: undefined } })
    expect(networkOnHost(network)).toEqual({ type: 'bridge', name: 'default', bridge: 'br0' })
  })

  test.each([
    { name: 'no subnet', spec: { subnets: undefined } },
    { name: 'an impossible range', spec: { subnets: [{ cidr: '300.0.0.0/24' }] } },
    { name: 'no bridge', spec: { type: 'bridge' as const, bridge: undefined } },
  ])('with $name is invalid', ({ spec }) => {
    expect(() => networkOnHost(aNetwork({ spec }))).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})
