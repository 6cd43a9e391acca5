import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { factsFrom, parseAnswer } from '../../../../../node-daemon/hypervisor/libvirt/guest-agent.ts'

const answer = (value: unknown) => JSON.stringify({ return: value })

describe('factsFrom', () => {
  test('reads what an agent says', () => {
    expect(
      factsFrom({
        info: answer({ version: '7.2.0', supported_commands: [] }),
        hostName: answer({ 'host-name': 'hello' }),
        os: answer({
          'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
          name: 'Debian GNU/Linux',
          id: 'debian',
        }),
        interfaces: answer([
          {
            name: 'eth0',
            'hardware-address': '52:54:00:AB:CD:EF',
            'ip-addresses': [
              { 'ip-address-type': 'ipv4', 'ip-address': '10.80.0.7', prefix: 24 },
              { 'ip-address-type': 'ipv6', 'ip-address': 'fe80::1', prefix: 64 },
            ],
          },
          { name: 'tun0' },
        ]),
      }),
    ).toEqual({
      hostname: 'hello',
      operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
      agentVersion: '7.2.0',
      interfaces: [
        { guestName: 'eth0', macAddress: '52:54:00:ab:cd:ef', ipAddresses: ['10.80.0.7', 'fe80::1'] },
        { guestName: 'tun0', ipAddresses: [] },
      ],
    })
  })

  test('leaves out what an agent would not say or says wrongly', () => {
    expect(
      factsFrom({ info: '{"return": 5}', hostName: null, os: 'no JSON', interfaces: answer({ eth0: 'x' }) }),
    ).toEqual({ interfaces: [] })
  })

  test('cuts what a hostile guest says to size, and drops what is no address', () => {
    const many = Array.from({ length: 80 }, (_, index) => ({
      name: `eth${index}\u001b[2J${'x'.repeat(300)}`,
      'hardware-address': '"><script>',
      'ip-addresses': [
        { 'ip-address': '<b>10.0.0.1</b>' },
        ...Array.from({ length: 50 }, () => ({ 'ip-address': '10.0.0.1' })),
      ],
    }))
    const facts = factsFrom({
      info: answer({ version: 'v'.repeat(10_000) }),
      hostName: answer({ 'host-name': 'a\nb\u0000c' }),
      os: answer({}),
      interfaces: answer(many),
    })

    expect(facts.agentVersion).toHaveLength(256)
    expect(facts.hostname).toBe('abc')
    expect(facts.interfaces).toHaveLength(64)
    const [first] = facts.interfaces
    expect(first?.guestName).toHaveLength(256)
    expect(first?.guestName).not.toContain('\u001b')
    expect(first).not.toHaveProperty('macAddress')
    expect(first?.ipAddresses).toEqual(Array.from({ length: 32 }, () => '10.0.0.1'))
  })
})

test('parseAnswer does not even parse what is far too long', () => {
  expect(parseAnswer(JSON.stringify('x'.repeat(300_000)), z.string())).toBeUndefined()
  expect(parseAnswer(JSON.stringify('x'), z.string())).toBe('x')
})
