import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../../apimachinery/clock.ts'
import {
  bootTime,
  hostAddresses,
  prettyName,
  readMachineFacts,
} from '../../../../node-daemon/heartbeat/machine-facts.ts'

describe('facts of the operating system', () => {
  test.each([
    {
      text: 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
      name: 'Debian GNU/Linux 12 (bookworm)',
    },
    { text: "PRETTY_NAME='Void'\n", name: 'Void' },
    { text: 'PRETTY_NAME=Alpine\n', name: 'Alpine' },
    { text: 'PRETTY_NAME="A \\"quoted\\" one"\n', name: 'A "quoted" one' },
    { text: 'NAME=x\n', name: undefined },
    { text: '', name: undefined },
  ])('$text is $name', ({ text, name }) => expect(prettyName(text)).toBe(name))

  test('the boot time is that of the kernel', () => {
    expect(bootTime('cpu 1 2 3\nbtime 1767225600\nprocesses 4\n')).toBe(1_767_225_600_000)
    expect(bootTime('cpu 1 2 3\n')).toBeUndefined()
  })

  test('addresses are the host’s own, IPv4 first', () => {
    const entry = (address: string, family: 'IPv4' | 'IPv6', internal = false) => ({
      address,
      family,
      internal,
      netmask: '',
      mac: '',
      cidr: null,
      ...(family === 'IPv6' && { scopeid: 0 }),
    })
    const interfaces = {
      lo: [entry('127.0.0.1', 'IPv4', true)],
      eth0: [entry('2001:db8::1', 'IPv6'), entry('192.0.2.1', 'IPv4'), entry('fe80::1', 'IPv6')],
      'kv-37a8eec1ce': [entry('10.80.0.1', 'IPv4')],
      vnet0: [entry('fe80::2', 'IPv6')],
    } as unknown as Parameters<typeof hostAddresses>[0]
    expect(hostAddresses(interfaces)).toEqual(['192.0.2.1', '2001:db8::1'])
  })

  test('this machine has them', async () => {
    const facts = await readMachineFacts(systemClock)
    expect(facts.bootedAt).toBeLessThan(systemClock.now())
    expect(facts.kernel).toMatch(/^\d+\./)
  })
})
