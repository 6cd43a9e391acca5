import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiResource, Client } from '../../../apimachinery/client/client.ts'
import { configFromText } from '../../../apimachinery/client/config.ts'
import { httpClient } from '../../../apimachinery/client/http-client.ts'
import {
  disks,
  hosts,
  images,
  leases,
  virtualMachineInstances,
} from '../../../apimachinery/client/resources.ts'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { aDisk, aHost, anImage, aVirtualMachineInstance } from '../../support/builders.ts'
import { until } from '../../support/kvorum-system-until.ts'
import { CertificateRequester, nodeCertificate } from '../../support/node-client.ts'
import { fresh, object, type ActionRow } from './forbidden-action.ts'
import { escalation, falseNews, othersSecrets } from './forbidden-escalation.ts'
import { otherHosts, otherMachines, otherStorage } from './forbidden-objects.ts'

/* What the credentials of one host's daemon must not open, tried one by one against a server as it is started. */

let server: TestApiServer
let admin: Client
let daemon: CertificateRequester
let auditLog: string
let directory: string

const secrets: ApiResource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
const configMaps: ApiResource = { ...secrets, kind: 'ConfigMap', plural: 'configmaps' }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kvorum-forbidden-'))
  auditLog = join(directory, 'audit.log')
  server = await startTestApiServer({ installCrds: 'crds', flags: { 'audit-log-path': auditLog } })
  admin = httpClient(configFromText(server.adminKubeconfig))
  daemon = new CertificateRequester(server, await nodeCertificate(server, 'host-1'))
  for (const host of ['host-1', 'host-2']) {
    await admin.create(hosts, fresh(aHost({ metadata: { name: host } })))
    const disk = await admin.create(disks, fresh(aDisk({ metadata: { name: `disk-of-${host}` } })))
    await admin.update(
      disks,
      { ...disk, status: { phase: 'Ready', hostName: host } },
      { subresource: 'status' },
    )
    const image = await admin.create(images, fresh(anImage({ metadata: { name: `image-of-${host}` } })))
    await admin.update(images, { ...image, status: { hostName: host } }, { subresource: 'status' })
    const spec = { hostName: host }
    const run = aVirtualMachineInstance({ metadata: { name: `run-on-${host}` }, spec })
    await admin.create(virtualMachineInstances, fresh(run))
    await admin.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'kvorum-hosts', name: host },
      spec: { holderIdentity: host, leaseDurationSeconds: 4, renewTime: '2026-01-01T00:00:00.000000Z' },
    })
  }
  await admin.create(disks, fresh(aDisk({ metadata: { name: 'disk-of-nobody' } })))
  await admin.create(
    virtualMachineInstances,
    fresh(aVirtualMachineInstance({ metadata: { name: 'waiting' } })),
  )
  for (const namespace of ['default', 'kube-system']) {
    await admin.create(secrets, object('v1', 'Secret', { name: 'password', namespace }))
    await admin.create(configMaps, object('v1', 'ConfigMap', { name: 'settings', namespace }))
  }
})

afterAll(async () => {
  daemon?.close()
  await admin?.close()
  await server?.close()
  await rm(directory, { recursive: true, force: true })
})

const all: readonly ActionRow[] = [
  ...otherHosts,
  ...otherMachines,
  ...otherStorage,
  ...othersSecrets,
  ...escalation,
  ...falseNews,
]

describe('the credentials of a daemon', () => {
  test('is tried against at least fifty forbidden actions', () => {
    expect(all.length).toBeGreaterThanOrEqual(50)
  })

  const named = all.map(([what, method, path, request], index) => ({ what, method, path, request, index }))

  test.each(named)('may not $what, and it is on record', async ({ what, method, path, request, index }) => {
    const auditId = `forbidden-${index}`
    const asked = (await request?.()) ?? {}

    const { code, text } = await daemon.send(method, path, {
      ...asked,
      headers: { ...asked.headers, 'audit-id': auditId },
    })

    expect({ code, ...(JSON.parse(text) as object) }).toMatchObject({ code: 403, reason: 'Forbidden' })
    const record = await until(() => recordOf(auditId), `the record of ${what}`, 20_000)
    expect(record).toMatchObject({
      user: { username: 'system:node:host-1' },
      responseStatus: { code: 403 },
    })
  })
})

async function recordOf(auditId: string): Promise<object | undefined> {
  const lines = (await readFile(auditLog, 'utf8').catch(() => '')).split('\n').filter(Boolean)
  return lines
    .map((line) => JSON.parse(line) as { auditID: string; responseStatus?: object })
    .find((record) => record.auditID === auditId && record.responseStatus !== undefined)
}
