import { describe, expect, test } from 'vitest'
import { durationMs, helpText, parseOptions, UsageError } from '../../../../apiserver/options.ts'

describe('parseOptions', () => {
  test('knows the flags of kube-apiserver', () => {
    const options = parseOptions([
      '--etcd-servers=http://a:1,http://b:2',
      '--secure-port',
      '0',
      '--token-auth-file=/t',
    ])
    expect(options).toMatchObject({
      etcdServers: ['http://a:1', 'http://b:2'],
      securePort: 0,
      tokenAuthFile: '/t',
      authorizationMode: ['Node', 'RBAC'],
    })
  })

  test.each([
    [['--nothing=1'], 'Unknown option'],
    [['--secure-port=x'], '--secure-port: '],
    [['--secure-port=70000'], '--secure-port: '],
    [['--etcd-servers=here'], '--etcd-servers: must be a list of URLs'],
    [['--authorization-mode=Maybe'], '--authorization-mode: '],
    [['--request-timeout=soon'], '--request-timeout: must be a duration such as 60s'],
    [['--tls-cert-file=/c'], '--tls-cert-file and --tls-private-key-file go together'],
    [['extra'], 'extra'],
  ])('refuses %j', (argv, message) => {
    expect(() => parseOptions(argv)).toThrow(UsageError)
    expect(() => parseOptions(argv)).toThrow(message)
  })

  test('help names every flag', () => {
    for (const flag of ['--etcd-servers', '--install-crds', '--log-level']) expect(helpText()).toContain(flag)
  })
})

test.each([
  ['5m', 300_000],
  ['60s', 60_000],
  ['250ms', 250],
  ['1h', 3_600_000],
])('%s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})
