import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CertificateDirectory } from '../../../../apiserver/certificates/certificate-directory.ts'
import { createAuthority, expiryOf, issueCertificate } from '../../../../apiserver/certificates/authority.ts'
import { belongTogether } from '../../../../apiserver/certificates/read-key-pair.ts'
import { manualClock } from '../../../support/clock.ts'

const dayMs = 24 * 60 * 60 * 1000
const server = { commonName: 'server', usage: 'server', hosts: ['127.0.0.1', 'localhost', 'host-1'] } as const

// A file ends in a line feed.
const text = ({ certificate }: { readonly certificate: string }) => certificate.trim()

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-pki-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('a directory of certificates', () => {
  test('gives the same certificate again for the same addresses and names', async () => {
    const clock = manualClock()

    const first = await new CertificateDirectory(directory, clock).certificate('server', server)
    const second = await new CertificateDirectory(directory, clock).certificate('server', server)

    expect(text(second)).toBe(text(first))
  })

  test.each([
    ['an address more', [...server.hosts, '10.0.0.1']],
    ['a name more', [...server.hosts, 'kvorum.example']],
  ])('makes another one for %s', async (_, hosts) => {
    const certificates = new CertificateDirectory(directory, manualClock())

    const first = await certificates.certificate('server', server)
    const second = await certificates.certificate('server', { ...server, hosts })

    expect(text(second)).not.toBe(text(first))
  })

  test('makes another one before the last expires', async () => {
    const clock = manualClock()
    const certificates = new CertificateDirectory(directory, clock)

    const first = await certificates.certificate('server', server)
    await clock.advance(364 * dayMs)
    const second = await certificates.certificate('server', server)

    expect(text(second)).not.toBe(text(first))
  })

  test('makes another one with a quarter of its life left, not before', async () => {
    const clock = manualClock()
    const certificates = new CertificateDirectory(directory, clock, { lifeMs: 100 * dayMs })

    const first = await certificates.certificate('server', server)
    clock.jumpWallClock(74 * dayMs)
    expect(text(await certificates.certificate('server', server))).toBe(text(first))
    clock.jumpWallClock(2 * dayMs)

    expect(text(await certificates.certificate('server', server))).not.toBe(text(first))
  })
})

describe('after a crash between certificate and key', () => {
  const path = (name: string) => join(directory, name)
  const open = () => new CertificateDirectory(directory, manualClock())

  /** What a crash leaves after the new certificate is in place and before its key is. */
  async function crash(name: string, next: { certificate: string; key: string }): Promise<void> {
    await writeFile(path(`${name}.crt`), next.certificate)
    await writeFile(path(`${name}.key.new`), next.key)
  }

  test('the pair is put together', async () => {
    await open().certificate('server', server)
    const authority = await open().authority()
    const next = await issueCertificate(manualClock(), authority, { ...server, validDays: 365 })
    await crash('server', next)

    const repaired = await open().certificate('server', server)

    expect(text(repaired)).toBe(text(next))
    expect(belongTogether(repaired)).toBe(true)
    expect(await readFile(path('server.key'), 'utf8')).toBe(repaired.key)
    await expect(readFile(path('server.key.new'))).rejects.toThrow('ENOENT')
  })

  test('so is that of a new authority', async () => {
    const next = await createAuthority(manualClock(), 'kvorum-ca', 3650)
    await crash('ca', next)

    const authority = await open().authority()

    expect(text(authority)).toBe(text(next))
    expect(belongTogether(authority)).toBe(true)
  })

  test('a pair that cannot be put together is made anew', async () => {
    const first = await open().certificate('server', server)
    const { key } = await issueCertificate(manualClock(), await open().authority(), {
      ...server,
      validDays: 1,
    })
    await writeFile(path('server.key'), key)

    const second = await open().certificate('server', server)

    expect(text(second)).not.toBe(text(first))
    expect(belongTogether(second)).toBe(true)
    expect(text(await open().certificate('server', server))).toBe(text(second))
  })

  test('a key without a certificate is made anew', async () => {
    await open().certificate('server', server)
    await rm(path('server.crt'))

    expect(belongTogether(await open().certificate('server', server))).toBe(true)
  })

  test('an authority is never replaced: that is for people to do', async () => {
    await open().authority()
    await writeFile(path('ca.key'), (await createAuthority(manualClock(), 'x', 1)).key)

    await expect(open().authority()).rejects.toThrow(/ca\.crt and the key beside it do not belong together/)
  })
})

describe('an authority that comes to its end', () => {
  const authorities = (bundle: string) => bundle.split('-----BEGIN').length - 1

  test('is followed by another one, which is known a year before it signs', async () => {
    const clock = manualClock()
    const certificates = new CertificateDirectory(directory, clock)
    const first = await certificates.authority()
    expect(authorities(await certificates.trusted())).toBe(1)

    clock.jumpWallClock((3650 - 700) * dayMs)
    expect(text(await certificates.authority())).toBe(text(first))
    const announced = await certificates.trusted()
    expect(authorities(announced)).toBe(2)

    clock.jumpWallClock(320 * dayMs)
    const second = await certificates.authority()
    expect(text(second)).not.toBe(text(first))
    expect(announced).toContain(text(second))
    expect(await certificates.trusted()).toContain(text(first))

    clock.jumpWallClock(400 * dayMs)
    expect((await certificates.trusted()).trim()).toBe(text(second))
  })

  test('has not outlived anything that it signed', async () => {
    const clock = manualClock()
    const certificates = new CertificateDirectory(directory, clock)
    const authority = await certificates.authority()

    clock.jumpWallClock((3650 - 401) * dayMs)
    const leaf = await certificates.certificate('server', server)

    expect(expiryOf(leaf.certificate)).toBeLessThan(expiryOf(authority.certificate) ?? 0)
  })
})
