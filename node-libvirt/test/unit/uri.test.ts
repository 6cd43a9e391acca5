import { describe, expect, test } from 'vitest'
import { parseUri } from '../../src/index.ts'

const unix = (...paths: string[]) => ({ kind: 'unix', paths })
const system = unix('/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock')

test.each([
  ['qemu:///system', system, 'qemu:///system'],
  ['qemu+unix:///system', system, 'qemu:///system'],
  ['qemu:///system?mode=legacy', unix('/run/libvirt/libvirt-sock'), 'qemu:///system'],
  ['qemu:///system?mode=direct', unix('/run/libvirt/virtqemud-sock'), 'qemu:///system'],
  ['qemu+unix:///system?socket=/tmp/other', unix('/tmp/other'), 'qemu:///system'],
  ['test:///default', unix('/run/libvirt/libvirt-sock'), 'test:///default'],
  [
    'network:///system',
    unix('/run/libvirt/virtnetworkd-sock', '/run/libvirt/libvirt-sock'),
    'network:///system',
  ],
  ['qemu+tcp://host/system', { kind: 'tcp', host: 'host', port: 16509 }, 'qemu:///system'],
  ['qemu+tcp://[::1]:1234/system', { kind: 'tcp', host: '::1', port: 1234 }, 'qemu:///system'],
  ['qemu+tls://host/system', { kind: 'tls', host: 'host', port: 16514, verify: true }, 'qemu:///system'],
  ['qemu://host/system', { kind: 'tls', host: 'host', port: 16514, verify: true }, 'qemu:///system'],
  [
    'qemu+tls://host:1/system?pkipath=/pki&no_verify=1',
    { kind: 'tls', host: 'host', port: 1, verify: false, pkiPath: '/pki' },
    'qemu:///system',
  ],
  ['remote+tcp://host?name=lxc:///', { kind: 'tcp', host: 'host', port: 16509 }, 'lxc:///'],
  ['remote+tcp://host', { kind: 'tcp', host: 'host', port: 16509 }, ''],
  [
    'qemu+tcp://host/system?its_own=1&mode=auto',
    { kind: 'tcp', host: 'host', port: 16509 },
    'qemu:///system?its_own=1',
  ],
] as const)('%s', (uri, transport, name) => {
  expect(parseUri(uri)).toEqual({ transport, name })
})

test('the read-only socket', () => {
  expect(parseUri('qemu:///system', { readOnly: true }).transport).toEqual(
    unix('/run/libvirt/virtqemud-sock-ro', '/run/libvirt/libvirt-sock-ro'),
  )
})

test('the session daemon of a user', () => {
  const context = { runtimeDir: '/run/user/1000', readOnly: true }
  expect(parseUri('qemu:///session', context)).toEqual({
    transport: unix('/run/user/1000/libvirt/virtqemud-sock', '/run/user/1000/libvirt/libvirt-sock'),
    name: 'qemu:///session',
  })
  expect(() => parseUri('qemu:///session')).toThrow(/XDG_RUNTIME_DIR/)
})

describe('ssh', () => {
  const argv = (uri: string, readOnly = false): readonly string[] => {
    const { transport } = parseUri(uri, { readOnly })
    return transport.kind === 'command' ? transport.argv : []
  }

  test('runs the helper on the other side', () => {
    expect(argv('qemu+ssh://root@host:2222/system?keyfile=/k&known_hosts=/h&no_tty=1&no_verify=1')).toEqual(
      'ssh -p 2222 -l root -i /k -o UserKnownHostsFile=/h -o StrictHostKeyChecking=no -o BatchMode=yes -T -e none -- host'
        .split(' ')
        .concat("virt-ssh-helper 'qemu:///system'"),
    )
  })

  test('read-only', () => {
    expect(argv('qemu+ssh://host/system', true).at(-1)).toBe("virt-ssh-helper -r 'qemu:///system'")
  })

  test('a quote in the URI stays inside the quotes', () => {
    expect(argv("qemu+ssh://host/system?name=qemu:///x'$(reboot)'").at(-1)).toBe(
      String.raw`virt-ssh-helper 'qemu:///x'\''$(reboot)'\'''`,
    )
  })

  test('a host that looks like an option stays a host', () => {
    const words = argv('qemu+ssh://-oProxyCommand=x/system')
    expect(words.indexOf('--')).toBe(words.length - 3)
  })
})

test.each([
  ['qemu', /is not a URI/],
  ['qemu+unix://host/system', /unix socket has no host/],
  ['qemu+tcp:///system', /host is missing/],
  ['qemu+libssh2://host/system', /transport "libssh2" is not supported/],
])('%s is refused', (uri, message) => {
  expect(() => parseUri(uri)).toThrow(message)
})
