import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addressPlanOf,
  fits,
  lowestFree,
  SubnetInvalidError,
} from '../../../../controllers/addresses/address-plan.ts'
import { formatIpv4, isReachableIpv4, parseIpv4 } from '../../../../controllers/addresses/ipv4.ts'
import type { Network } from '../../../../crds/v1alpha1/network.ts'

type Subnet = NonNullable<Network['spec']['subnets']>[number]

const nat = (subnet: Subnet): Pick<Network, 'spec'> => ({ spec: { type: 'nat', subnets: [subnet] } })

function planOf(subnet: Subnet) {
  const plan = addressPlanOf(nat(subnet))
  if (plan === undefined) throw new Error('no plan')
  return plan
}

describe('addressPlanOf', () => {
  test('gives all of the range but network, gateway and broadcast address by default', () => {
    const plan = planOf({ cidr: '10.80.0.0/30' })
    expect(lowestFree(plan, () => true)).toBe('10.80.0.2')
    expect(lowestFree(plan, (address) => address !== '10.80.0.2')).toBeUndefined()
  })

  test('counts from the network address though the range is written with another', () => {
    expect(lowestFree(planOf({ cidr: '10.80.0.77/24' }), () => true)).toBe('10.80.0.2')
  })

  test('keeps to the DHCP range, and leaves out a gateway in it', () => {
    const plan = planOf({
      cidr: '10.80.0.0/24',
      gateway: '10.80.0.10',
      dhcp: { start: '10.80.0.10', end: '10.80.0.11' },
    })
    expect(lowestFree(plan, () => true)).toBe('10.80.0.11')
    expect(lowestFree(plan, (address) => address !== '10.80.0.11')).toBeUndefined()
  })

  test('an address outside of the DHCP range but in the subnet may be asked for', () => {
    const plan = planOf({ cidr: '10.80.0.0/24', dhcp: { start: '10.80.0.100', end: '10.80.0.200' } })
    expect(fits(plan, '10.80.0.50')).toBe(true)
    for (const address of ['10.80.0.0', '10.80.0.1', '10.80.0.255', '10.81.0.5', 'x']) {
      expect(fits(plan, address)).toBe(false)
    }
  })

  test('a bridge has no plan: others hand out its addresses', () => {
    expect(addressPlanOf({ spec: { type: 'bridge', subnets: [{ cidr: '10.0.0.0/24' }] } })).toBeUndefined()
  })

  const refused: [string, Subnet, RegExp][] = [
    ['a range that is none', { cidr: '10.80.0.300/24' }, /^cidr/],
    ['a prefix that leaves no room', { cidr: '10.80.0.0/31' }, /^cidr/],
    ['a prefix beyond any network', { cidr: '10.0.0.0/4' }, /^cidr/],
    ['a gateway elsewhere', { cidr: '10.80.0.0/24', gateway: '10.81.0.1' }, /^gateway/],
    ['a gateway at the broadcast address', { cidr: '10.80.0.0/24', gateway: '10.80.0.255' }, /^gateway/],
    ['a DHCP start elsewhere', { cidr: '10.80.0.0/24', dhcp: { start: '10.8.0.1' } }, /^dhcp.start/],
    [
      'a DHCP range that runs backwards',
      { cidr: '10.80.0.0/24', dhcp: { start: '10.80.0.9', end: '10.80.0.8' } },
      /^dhcp.start is after/,
    ],
  ]
  test.each(refused)('refuses %s', (_what, subnet, message) => {
    expect(() => addressPlanOf(nat(subnet))).toThrow(SubnetInvalidError)
    expect(() => addressPlanOf(nat(subnet))).toThrow(message)
  })

  test('what is given always fits, and is never given twice', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 24, max: 30 }), (base, prefix) => {
        const plan = planOf({ cidr: `${formatIpv4(base)}/${prefix}` })
        const given = new Set<string>()
        for (;;) {
          const address = lowestFree(plan, (candidate) => !given.has(candidate))
          if (address === undefined) break
          expect(fits(plan, address)).toBe(true)
          given.add(address)
        }
        expect(given.size).toBe(2 ** (32 - prefix) - 3)
      }),
      { numRuns: 30 },
    )
  })
})

describe('IPv4 addresses', () => {
  test('are read and written alike', () => {
    fc.assert(fc.property(fc.nat(2 ** 32 - 1), (value) => parseIpv4(formatIpv4(value)) === value))
  })

  test.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.x', '1.2.3.-4', ' 1.2.3.4'])(
    '"%s" is none',
    (text) => {
      expect(parseIpv4(text)).toBeUndefined()
    },
  )

  test.each([
    ['10.80.0.2', true],
    ['127.0.0.1', false],
    ['169.254.7.7', false],
    ['fe80::1', false],
  ])('%s can be reached by others: %s', (address, expected) => {
    expect(isReachableIpv4(address)).toBe(expected)
  })
})
