import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CertificateDirectory } from '../../../../apiserver/certificates/certificate-directory.ts'
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
})
