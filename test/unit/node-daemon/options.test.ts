import { describe, expect, test } from 'vitest'
import { helpText, parseOptions, UsageError } from '../../../node-daemon/options.ts'

const tls = ['--tls-cert-file=/d.crt', '--tls-private-key-file=/d.key', '--client-ca-file=/ca.crt']

describe('the options of the node daemon', () => {
  test('have defaults that fit an installed host', () => {
    expect(parseOptions(tls, {})).toMatchObject({
      hostName: expect.stringMatching(/^[a-z0-9]/),
      dataDir: '/var/lib/kvorum',
      importDir: '/var/lib/kvorum/import',
      hypervisor: 'libvirt',
      libvirtUri: 'qemu:///system',
      bindAddress: '0.0.0.0',
      port: 7444,
      logLevel: 'info',
      kubeconfig: undefined,
    })
  })

  test('are taken from flags before the environment', () => {
    const env = { KVORUM_NODE_HOST_NAME: 'from-env', KVORUM_NODE_PORT: '1' }
    expect(parseOptions([...tls, '--host-name=from-flag'], env)).toMatchObject({
      hostName: 'from-flag',
      port: 1,
    })
  })

  test('make paths absolute', () => {
    expect(parseOptions([...tls, '--data-dir=x'], {}).dataDir).toBe(`${process.cwd()}/x`)
  })

  test.each([
    { argv: ['--tls-cert-file=/d.crt'], says: /^--tls-cert-file and --tls-private-key-file go together$/ },
    { argv: [...tls, '--host-name=Upper_Case'], says: /^--host-name: must be lower-case/ },
    { argv: [...tls, '--port=70000'], says: /^--port: / },
    { argv: [...tls, '--port=x'], says: /^--port: / },
    { argv: [...tls, '--hypervisor=xen'], says: /^--hypervisor: / },
    { argv: [...tls, '--unknown=1'], says: /unknown/ },
    { argv: [...tls, 'positional'], says: /positional/ },
  ])('$argv is refused with its reason', ({ argv, says }) => {
    expect(() => parseOptions(argv, {})).toThrow(UsageError)
    expect(() => parseOptions(argv, {})).toThrow(says)
  })

  test('are all explained', () => {
    for (const name of ['kubeconfig', 'host-name', 'data-dir', 'import-dir', 'hypervisor', 'libvirt-uri'])
      expect(helpText()).toContain(`--${name} `)
  })
})
