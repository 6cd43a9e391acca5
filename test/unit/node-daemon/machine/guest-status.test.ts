import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { virtualMachineInstanceStatus } from '../../../../crds/v1alpha1/virtual-machine-instance.ts'
import type { GuestInterface } from '../../../../node-daemon/hypervisor/hypervisor.ts'
import { guestStatus, hasAddress, interfaceStatus } from '../../../../node-daemon/machine/guest-status.ts'
import { aPlacedRun } from '../support.ts'

const spec = aPlacedRun().spec.interfaces
const mac = spec[0]?.macAddress ?? ''

describe('interfaces as the guest tells them', () => {
  test('are joined to those of the spec by MAC address, whatever its case', () => {
    const reported = [{ guestName: 'ens3', macAddress: mac.toUpperCase(), ipAddresses: ['10.80.0.10'] }]
    expect(interfaceStatus(spec, reported)).toEqual([
      { name: 'eth0', macAddress: mac, guestName: 'ens3', ipAddresses: ['10.80.0.10'] },
    ])
  })

  test('of the spec are there before the guest says anything', () => {
    expect(interfaceStatus(spec, [])).toEqual([{ name: 'eth0', macAddress: mac }])
  })

  test('put IPv4 first and leave out what only means something on the link', () => {
    const ipAddresses = ['fe80::1', '2001:db8::1', '10.80.0.10', '127.0.0.1', '::1']
    const [first] = interfaceStatus(spec, [{ guestName: 'ens3', macAddress: mac, ipAddresses }])
    expect(first?.ipAddresses).toEqual(['10.80.0.10', '2001:db8::1'])
  })

  test('that only the guest knows follow under its name, loopback left out', () => {
    const reported = [
      { guestName: 'lo', ipAddresses: ['127.0.0.1'] },
      { guestName: 'docker0', macAddress: '02:42:00:00:00:01', ipAddresses: ['172.17.0.1'] },
    ]
    expect(interfaceStatus(spec, reported).map(({ name }) => name)).toEqual(['eth0', 'docker0'])
  })

  test('whatever a guest says, the status is one that the API server takes', () => {
    const anything: fc.Arbitrary<GuestInterface> = fc.record(
      {
        guestName: fc.string({ maxLength: 200 }),
        macAddress: fc.oneof(fc.constant(mac), fc.string({ maxLength: 40 })),
        ipAddresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 100 })), {
          maxLength: 100,
        }),
      },
      { requiredKeys: ['guestName', 'ipAddresses'] },
    )
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 100 }), (reported) => {
        const interfaces = interfaceStatus(spec, reported)
        expect(virtualMachineInstanceStatus.safeParse({ interfaces }).success).toBe(true)
        expect(new Set(interfaces.map(({ name }) => name)).size).toBe(interfaces.length)
        expect(interfaces[0]?.name).toBe('eth0')
      }),
    )
  })
})

describe('what else the guest tells', () => {
  test('is cut to what the API server takes', () => {
    const long = 'x'.repeat(1_000)
    const guest = guestStatus({
      hostname: long,
      operatingSystem: long,
      agentVersion: long,
      interfaces: [],
    })
    expect(virtualMachineInstanceStatus.safeParse({ guest }).success).toBe(true)
  })

  test.each([
    { what: 'an address', ipAddresses: ['10.80.0.10'], settled: true },
    { what: 'only a link-local one', ipAddresses: ['fe80::1'], settled: false },
    { what: 'none', ipAddresses: [], settled: false },
  ])('with $what on an interface, waiting is over: $settled', ({ ipAddresses, settled }) => {
    expect(hasAddress({ interfaces: [{ guestName: 'eth0', ipAddresses }] })).toBe(settled)
  })
})
