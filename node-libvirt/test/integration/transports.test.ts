import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AuthenticationError, DisconnectedError, LibvirtConnection, LibvirtHost } from '../../src/index.ts'
import { Authority, credentials } from '../fixtures/certificates.ts'
import type { Certificate } from '../fixtures/certificates.ts'
import { freePort } from '../fixtures/free-port.ts'
import { PrivateLibvirtd } from '../fixtures/private-libvirtd.ts'

let libvirtd: PrivateLibvirtd
let directory: string
let ours: Authority
let theirs: Authority
let good: Certificate
let notListed: Certificate
let foreign: Certificate
let [tcpPort, tlsPort] = [0, 0]

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nlv-pki-'))
  ours = new Authority(join(directory, 'ours'))
  theirs = new Authority(join(directory, 'theirs'))
  const server = ours.issue('server', 'DNS:localhost,IP:127.0.0.1')
  good = ours.issue('good', 'DNS:good')
  notListed = ours.issue('other', 'DNS:other')
  foreign = theirs.issue('good', 'DNS:good')
  tcpPort = await freePort()
  tlsPort = await freePort()
  libvirtd = await PrivateLibvirtd.start({
    listen: true,
    daemonConf: [
      'listen_addr = "127.0.0.1"',
      'listen_tcp = 1',
      `tcp_port = "${tcpPort}"`,
      'auth_tcp = "none"',
      'listen_tls = 1',
      `tls_port = "${tlsPort}"`,
      `ca_file = "${ours.ca}"`,
      `cert_file = "${server.cert}"`,
      `key_file = "${server.key}"`,
      'tls_allowed_dn_list = ["*CN=good*"]',
    ],
  })
}, 60_000)

afterAll(async () => {
  await libvirtd[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

test('TCP', async () => {
  await using host = await LibvirtHost.connect(`qemu+tcp://127.0.0.1:${tcpPort}/system`)
  expect((await host.query('connectGetType')).type).toBe('QEMU')
  expect(await host.job('connectGetHostname')).toEqual(await host.query('connectGetHostname'))
})

describe('TLS', () => {
  const uri = (host = 'localhost') => `qemu+tls://${host}:${tlsPort}/system`

  test.each(['localhost', '127.0.0.1'])('with a good certificate, by the name %s', async (name) => {
    await using host = await LibvirtHost.connect(uri(name), { tls: credentials(ours, good) })
    expect((await host.query('connectGetType')).type).toBe('QEMU')
    const { capabilities } = await host.query('connectGetCapabilities')
    expect(capabilities).toMatch(/^<capabilities>/)
  })

  test('with the files of a directory', async () => {
    const pki = join(directory, 'pki')
    mkdirSync(pki)
    copyFileSync(ours.ca, join(pki, 'cacert.pem'))
    copyFileSync(good.cert, join(pki, 'clientcert.pem'))
    copyFileSync(good.key, join(pki, 'clientkey.pem'))
    await using connection = await LibvirtConnection.open(`${uri()}?pkipath=${pki}`)
    expect(connection.isOpen).toBe(true)
    await expect(LibvirtConnection.open(`${uri()}?pkipath=/nonexistent`)).rejects.toThrow(AuthenticationError)
  })

  test.each<[string, () => ReturnType<typeof credentials>]>([
    ['no certificate', () => credentials(ours)],
    [
      'a certificate of another authority',
      () => ({ ...credentials(theirs, foreign), ca: credentials(ours).ca }),
    ],
    ['a name that the daemon does not list', () => credentials(ours, notListed)],
    [
      'a daemon whose authority is not ours',
      () => ({ ...credentials(ours, good), ca: credentials(theirs).ca }),
    ],
  ])('%s is refused', async (_name, make) => {
    const opening = LibvirtConnection.open(uri(), { tls: make() })
    await expect(opening).rejects.toThrow(AuthenticationError)
  })

  test('a daemon whose certificate names another host is refused, unless nobody looks', async () => {
    const tls = credentials(ours, good)
    const other = uri('127.0.0.2').replace('127.0.0.2', 'ip6-localhost')
    await expect(LibvirtConnection.open(other, { tls })).rejects.toThrow(/handshake|reach/)
    await using connection = await LibvirtConnection.open(`${uri()}?no_verify=1`, {
      tls: { ...tls, ca: credentials(theirs).ca },
    })
    expect(connection.isOpen).toBe(true)
  })

  test('nobody listens', async () => {
    const tls = credentials(ours, good)
    const nowhere = `qemu+tls://localhost:${await freePort()}/system`
    await expect(LibvirtConnection.open(nowhere, { tls })).rejects.toThrow(DisconnectedError)
  })
})

describe('a command', () => {
  /** Stands in for ssh: throws its options away and runs what the other side's shell would, at the other side. */
  const fakeSsh = () => {
    const path = join(directory, 'ssh')
    const elsewhere = libvirtd.command('sh', '-c', '"$1"').join(' ')
    writeFileSync(path, `#!/bin/sh\nwhile [ "$1" != "--" ]; do shift; done\nshift 2\nexec ${elsewhere}\n`, {
      mode: 0o755,
    })
    return path
  }

  test('virt-ssh-helper at the other end of ssh', async () => {
    await using host = await LibvirtHost.connect(`test+ssh://user@somewhere/default?command=${fakeSsh()}`)
    expect((await host.query('connectGetType')).type).toBe('TEST')
    expect((await host.query('connectListAllDomains')).domains).toMatchObject([{ name: 'test' }])
  })

  test('that says why it cannot', async () => {
    const path = join(directory, 'failing')
    writeFileSync(path, '#!/bin/sh\necho "Permission denied (publickey)." >&2\nexit 255\n', { mode: 0o755 })
    await expect(LibvirtConnection.open(`qemu+ssh://somewhere/system?command=${path}`)).rejects.toThrow(
      /Permission denied \(publickey\)/,
    )
  })

  test('that does not exist', async () => {
    const opening = LibvirtConnection.open('qemu+ssh://somewhere/system?command=/nonexistent/ssh')
    await expect(opening).rejects.toThrow(/ENOENT/)
  })
})
