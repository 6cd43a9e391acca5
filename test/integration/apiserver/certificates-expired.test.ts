import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../apimachinery/clock.ts'
import { createAuthority, issueCertificate, type KeyPair } from '../../../apiserver/certificates/authority.ts'
import { CertificateDirectory } from '../../../apiserver/certificates/certificate-directory.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { manualClock } from '../../support/clock.ts'
import { until } from '../../support/kvorum-system-until.ts'
import { CertificateRequester, clientCertificate, type RawAnswer } from '../../support/node-client.ts'
import { aSigningRequest } from '../../support/signing-request.ts'

/* Certificates whose end has really passed, so that TLS itself finds them wanting. */

const dayMs = 24 * 60 * 60 * 1000
const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const hostPath = '/apis/kvorum.dev/v1alpha1/hosts/host-1'
const lastMonth = manualClock(Date.now() - 30 * dayMs)

let server: TestApiServer
let authority: KeyPair
const open: CertificateRequester[] = []

beforeAll(async () => {
  server = await startTestApiServer({ installCrds: 'crds' })
  authority = await new CertificateDirectory(server.directory, systemClock).authority()
  const admin = requester(await clientCertificate(server, 'root', 'system:masters'))
  await admin.send('POST', '/apis/kvorum.dev/v1alpha1/hosts', {
    body: { apiVersion: 'kvorum.dev/v1alpha1', kind: 'Host', metadata: { name: 'host-1' }, spec: {} },
  })
})

afterAll(async () => {
  for (const one of open) one.close()
  await server?.close()
})

function requester(pair: KeyPair): CertificateRequester {
  const made = new CertificateRequester(server, pair)
  open.push(made)
  return made
}

/** Good for a week, a month ago. */
function expired(commonName: string, organization: string, by = authority): Promise<KeyPair> {
  return issueCertificate(lastMonth, by, {
    commonName,
    organizations: [organization],
    usage: 'client',
    validDays: 7,
  })
}

async function ask(who: CertificateRequester, commonName: string): Promise<RawAnswer> {
  return who.send('POST', csrs, { body: await aSigningRequest({ commonName }) })
}

test('the expired certificate of a host is good for another one', async () => {
  const node = requester(await expired('system:node:host-1', 'system:nodes'))

  const { code, text } = await ask(node, 'system:node:host-1')

  expect(code).toBe(201)
  const { metadata } = JSON.parse(text) as { metadata: { name: string } }
  const certificate = await until(async () => {
    const answer = await node.send('GET', `${csrs}/${metadata.name}`)
    const { status } = JSON.parse(answer.text) as { status: { certificate?: string } }
    return status.certificate ? new X509Certificate(Buffer.from(status.certificate, 'base64')) : undefined
  }, 'the certificate')
  expect(certificate.subject).toContain('CN=system:node:host-1')
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now())
})

test.each([
  ['its own host', 'GET', hostPath],
  ['discovery', 'GET', '/apis'],
  ['the requests of others', 'GET', csrs],
  ['what it may do', 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'],
])('and not for %s', async (_, method, path) => {
  const node = requester(await expired('system:node:host-1', 'system:nodes'))

  const { code } = await node.send(method, path, method === 'POST' ? { body: {} } : {})

  expect(code).toBe(403)
})

test('nor for the certificate of another host', async () => {
  const node = requester(await expired('system:node:host-1', 'system:nodes'))

  expect((await ask(node, 'system:node:host-2')).code).toBe(403)
})

test.each([
  ['of an administrator', () => expired('root', 'system:masters')],
  ['of a node in name only', () => expired('system:node:host-1', 'system:masters')],
  [
    'of another authority',
    async () =>
      expired('system:node:host-1', 'system:nodes', await createAuthority(lastMonth, 'kvorum-ca', 3650)),
  ],
  [
    'that was made for servers',
    () =>
      issueCertificate(lastMonth, authority, {
        commonName: 'system:node:host-1',
        organizations: ['system:nodes'],
        usage: 'server',
        validDays: 7,
      }),
  ],
] as const)('an expired certificate %s is nobody', async (_, made) => {
  expect((await ask(requester(await made()), 'system:node:host-1')).code).toBe(401)
})
