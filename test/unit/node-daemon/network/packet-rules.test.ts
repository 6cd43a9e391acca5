import { describe, expect, test } from 'vitest'
import { packetRules } from '../../../../node-daemon/network/libvirt/packet-rules.ts'
import { parseSubnet } from '../../../../node-daemon/network/subnet.ts'

const none = {
  nat: '-P POSTROUTING ACCEPT\n',
  filter: '-P INPUT ACCEPT\n-P FORWARD DROP\n-A FORWARD -j DOCKER\n',
}
const one = { bridge: 'kv-0000000001', subnet: parseSubnet('10.80.0.0/24') }
const two = { bridge: 'kv-0000000002', subnet: parseSubnet('10.81.0.0/24') }
const hooked = {
  nat: '-N KVORUM-NAT\n-A POSTROUTING -j KVORUM-NAT\n',
  filter:
    '-N KVORUM-IN\n-N KVORUM-INPUT\n-N KVORUM-OUT\n-A INPUT -j KVORUM-INPUT\n-A FORWARD -j DOCKER\n' +
    '-A FORWARD -j KVORUM-IN\n-A FORWARD -j KVORUM-OUT\n',
}

describe('packetRules', () => {
  test('for two networks are what packet-rules.txt says', async () => {
    await expect(packetRules([one, two], none)).toMatchFileSnapshot('testdata/packet-rules.txt')
  })

  test('let nothing into a network before they let anything out of another', () => {
    const rules = packetRules([one], none).split('\n')
    expect(rules.indexOf('-I FORWARD 1 -j KVORUM-IN')).toBeGreaterThan(
      rules.indexOf('-I FORWARD 1 -j KVORUM-OUT'),
    )
  })

  test('do not call a chain twice that is called already', () => {
    const rules = packetRules([one], hooked).split('\n')
    for (const jump of ['POSTROUTING', 'INPUT', 'FORWARD'].flatMap((from) =>
      rules.filter((rule) => rule.startsWith(`-I ${from} `)),
    ))
      expect(rules).toContain(jump.replace('-I', '-D').replace(' 1 ', ' '))
    expect(rules).not.toContain('-D FORWARD -j DOCKER')
  })

  test('without networks take the chains away, and nothing where there were none', () => {
    expect(packetRules([], hooked).split('\n')).toEqual([
      '*nat',
      ':KVORUM-NAT - [0:0]',
      '-D POSTROUTING -j KVORUM-NAT',
      '-X KVORUM-NAT',
      'COMMIT',
      '',
      '*filter',
      ':KVORUM-INPUT - [0:0]',
      '-D INPUT -j KVORUM-INPUT',
      '-X KVORUM-INPUT',
      ':KVORUM-OUT - [0:0]',
      '-D FORWARD -j KVORUM-OUT',
      '-X KVORUM-OUT',
      ':KVORUM-IN - [0:0]',
      '-D FORWARD -j KVORUM-IN',
      '-X KVORUM-IN',
      'COMMIT',
      '',
    ])
    expect(packetRules([], none)).toBe('*nat\nCOMMIT\n\n*filter\nCOMMIT\n')
  })
})
