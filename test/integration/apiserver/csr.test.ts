import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostLeaseNamespace } from '../../../crds/v1alpha1/host.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { until } from '../../support/kvorum-system-until.ts'
import {
  CertificateRequester,
  clientCertificate,
  nodeCertificate,
  type RawAnswer,
} from '../../support/node-client.ts'
import { aSigningRequest, type WantedRequest } from '../../support/signing-request.ts'
import { Kubectl } from './kubectl.ts'

/* Certificate requests: who gets which certificate, and without whom. */

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
const serving = {
  signer: 'kubernetes.io/kubelet-serving',
  usages: ['digital signature', 'server auth'],
} as const
const people = {
  signer: 'kubernetes.io/kube-apiserver-client',
  organizations: ['team'],
} as const

interface Condition {
  readonly type: string
  readonly reason: string
  readonly message: string
}

interface Csr {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly username: string }
  readonly status: { readonly conditions?: readonly Condition[]; readonly certificate?: string }
}

let server: TestApiServer
let admin: CertificateRequester
let node: CertificateRequester
let bootstrapper: CertificateRequester
let kubectl: Kubectl

beforeAll(async () => {
  server = await startTestApiServer({ installCrds: 'crds' })
  admin = new CertificateRequester(server, await clientCertificate(server, 'root', 'system:masters'))
  node = new CertificateRequester(server, await nodeCertificate(server, 'host-1'))
  const joining = await clientCertificate(server, 'joining', 'system:bootstrappers')
  bootstrapper = new CertificateRequester(server, joining)
  kubectl = new Kubectl(server)
  await created('/apis/kvorum.dev/v1alpha1/hosts', {
    apiVersion: 'kvorum.dev/v1alpha1',
    kind: 'Host',
    metadata: { name: 'host-1' },
    spec: {},
  })
  const addresses = [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'InternalIP', address: '127.0.0.1' },
  ]
  mustBe(
    200,
    await admin.send('PATCH', '/apis/kvorum.dev/v1alpha1/hosts/host-1/status', {
      body: { status: { addresses } },
      contentType: 'application/merge-patch+json',
    }),
  )
})

afterAll(async () => {
  for (const client of [admin, node, bootstrapper]) client?.close()
  kubectl?.close()
  await server?.close()
})

function mustBe(wanted: number, { code, text }: RawAnswer): void {
  if (code !== wanted) throw new Error(`the server answered ${code}: ${text}`)
}

async function created(where: string, body: object): Promise<void> {
  mustBe(201, await admin.send('POST', where, { body }))
}

async function ask(who: CertificateRequester, wanted: WantedRequest): Promise<string> {
  const answer = await who.send('POST', path, { body: await aSigningRequest(wanted) })
  mustBe(201, answer)
  return (JSON.parse(answer.text) as Csr).metadata.name
}

async function read(name: string): Promise<Csr> {
  const { text } = await admin.send('GET', `${path}/${name}`)
  return JSON.parse(text) as Csr
}

function signed(name: string): Promise<X509Certificate> {
  return until(async () => {
    const { certificate } = (await read(name)).status
    return certificate ? new X509Certificate(Buffer.from(certificate, 'base64')) : undefined
  }, `request ${name} to be signed`)
}

function condition(name: string, type: string): Promise<Condition> {
  return until(
    async () => (await read(name)).status.conditions?.find((one) => one.type === type),
    `request ${name} to be ${type}`,
  )
}

/** A request after it that is approved by itself has been answered: so this one is not going to be. */
async function stillPending(name: string): Promise<void> {
  await signed(await ask(node, { commonName: 'system:node:host-1' }))
  expect((await read(name)).status).toEqual({})
}

describe('a certificate request', () => {
  test('of a host that enrols is approved and signed by itself', async () => {
    const name = await ask(bootstrapper, { commonName: 'system:node:host-7' })

    const certificate = await signed(name)

    expect(certificate.subject.split('\n').toSorted()).toEqual(['CN=system:node:host-7', 'O=system:nodes'])
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(certificate.ca).toBe(false)
    expect(certificate.verify(new X509Certificate(server.caPem).publicKey)).toBe(true)
    expect((await condition(name, 'Approved')).reason).toBe('AutoApproved')
  })

  test('for the name of a host that is alive waits for a person', async () => {
    await created(`/apis/coordination.k8s.io/v1/namespaces/${hostLeaseNamespace}/leases`, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'host-1', namespace: hostLeaseNamespace },
      spec: { holderIdentity: 'x', renewTime: `${new Date().toISOString().slice(0, -1)}000Z` },
    })

    await stillPending(await ask(bootstrapper, { commonName: 'system:node:host-1' }))
  })

  test('of a daemon for its own name is approved, for as long as it asks', async () => {
    const name = await ask(node, { commonName: 'system:node:host-1', expirationSeconds: 3600 })

    const certificate = await signed(name)

    const leftMs = Date.parse(certificate.validTo) - Date.now()
    expect(leftMs).toBeLessThanOrEqual(3_600_000)
    expect(leftMs).toBeGreaterThan(3_000_000)
    expect((await read(name)).spec.username).toBe('system:node:host-1')
  })

  test('to serve as the host is approved for addresses that it is registered with', async () => {
    const wanted = { commonName: 'system:node:host-1', dnsNames: ['host-1'], ipAddresses: ['192.0.2.1'] }

    const certificate = await signed(await ask(node, { ...wanted, ...serving }))

    expect(certificate.checkHost('host-1')).toBe('host-1')
    expect(certificate.checkIP('192.0.2.1')).toBe('192.0.2.1')
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  test.each([
    ['an address that it is not registered with', { ipAddresses: ['192.0.2.99'] }],
    ['an address of the API server, whatever it says of itself', { ipAddresses: ['127.0.0.1'] }],
    ['the name of the API server', { dnsNames: ['kubernetes'] }],
  ])('to serve as %s waits for a person', async (_, names) => {
    await stillPending(await ask(node, { commonName: 'system:node:host-1', ...names, ...serving }))
  })

  test('of a person waits for kubectl certificate approve', async () => {
    const name = await ask(admin, { commonName: 'anna', ...people })
    expect(await kubectl.ok('get', 'csr', name)).toMatch(/Pending/)

    await kubectl.ok('certificate', 'approve', name)

    const certificate = await signed(name)
    expect(certificate.subject.split('\n').toSorted()).toEqual(['CN=anna', 'O=team'])
    expect(await kubectl.ok('get', 'csr', name)).toMatch(/Approved,Issued/)
  })

  test('that was denied is not signed, and cannot be approved any more', async () => {
    const name = await ask(admin, { commonName: 'anna', ...people })

    await kubectl.ok('certificate', 'deny', name)

    expect(await kubectl.fails('certificate', 'approve', name)).toMatch(/already Denied/)
    expect((await read(name)).status.certificate).toBeUndefined()
  })

  test('that its signer does not sign fails, with the reason', async () => {
    const name = await ask(admin, { commonName: 'anna', ...people, ...serving })

    await kubectl.ok('certificate', 'approve', name)

    expect(await condition(name, 'Failed')).toMatchObject({
      reason: 'SignerValidationFailure',
      message: 'subject organization is not system:nodes',
    })
  })

  test('to a signer of somebody else is left to them', async () => {
    const name = await ask(admin, { commonName: 'anna', signer: 'example.com/own', usages: ['any'] })

    await kubectl.ok('certificate', 'approve', name)

    await signed(await ask(node, { commonName: 'system:node:host-1' }))
    expect((await read(name)).status.certificate).toBeUndefined()
  })

  test('is approved only by those who may approve for its signer', async () => {
    const approver = new CertificateRequester(server, await clientCertificate(server, 'carla'))
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    const role = (rules: object[]) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'carla' },
      rules,
    })
    const group = { apiGroups: ['certificates.k8s.io'] }
    const writes = {
      ...group,
      resources: ['certificatesigningrequests/approval'],
      verbs: ['update', 'patch'],
    }
    await created(`${rbac}/clusterroles`, role([writes]))
    await created(`${rbac}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'carla' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'carla' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'carla' }],
    })
    const name = await ask(admin, { commonName: 'anna', ...people })
    const approve = () =>
      approver.send('PATCH', `${path}/${name}/approval`, {
        body: { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test' }] } },
        contentType: 'application/merge-patch+json',
      })

    await until(async () => (await approve()).text.includes('not permitted to approve'), 'the refusal')
    const signers = {
      ...group,
      resources: ['signers'],
      resourceNames: ['kubernetes.io/*'],
      verbs: ['approve'],
    }
    await admin.send('PUT', `${rbac}/clusterroles/carla`, { body: role([writes, signers]) })

    await until(async () => (await approve()).code === 200, 'the approval')
    await signed(name)
    approver.close()
  })

  test.each([
    ['for administrators is refused to everybody', { organizations: ['system:masters'] }, 403],
    ['without usages is refused', { usages: [] }, 422],
    ['with a usage that does not exist is refused', { usages: ['fun'] }, 422],
    ['for less than ten minutes is refused', { expirationSeconds: 599 }, 422],
  ])('%s', async (_, wanted, expected) => {
    const body = await aSigningRequest({ commonName: 'anna', ...people, ...wanted })

    expect((await admin.send('POST', path, { body })).code).toBe(expected)
  })
})
