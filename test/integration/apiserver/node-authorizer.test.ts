import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApiServer, type TestApiServer } from '../../support/apiserver.ts'
import { aDisk, anImage, aVirtualMachineInstance } from '../../support/builders.ts'
import {
  CertificateRequester,
  clientCertificate,
  nodeCertificate,
  type RawRequest,
} from '../../support/node-client.ts'
import { until } from '../../support/kvorum-system-until.ts'
import { api, fresh, here, object, patch } from './forbidden-action.ts'

/* What a daemon needs for its work, it may; in the order in which a machine comes to its host. */

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kvorum-hosts/leases'
const events = '/apis/events.k8s.io/v1/namespaces/default/events'

let server: TestApiServer
let admin: CertificateRequester
let daemon: CertificateRequester

beforeAll(async () => {
  server = await startTestApiServer({ installCrds: 'crds', flags: { controllers: '*' } })
  admin = new CertificateRequester(server, await clientCertificate(server, 'root', 'system:masters'))
  daemon = new CertificateRequester(server, await nodeCertificate(server, 'host-1'))
})

afterAll(async () => {
  admin?.close()
  daemon?.close()
  await server?.close()
})

async function as(
  who: CertificateRequester,
  method: string,
  path: string,
  request?: RawRequest,
): Promise<unknown> {
  const { code, text } = await who.send(method, path, request)
  if (code >= 300) throw new Error(`${method} ${path}: ${code} ${text}`)
  return JSON.parse(text) as unknown
}
const may = (method: string, path: string, request?: RawRequest) => as(daemon, method, path, request)
const mayNot = async (method: string, path: string, request?: RawRequest) =>
  expect((await daemon.send(method, path, request)).code).toBe(403)

test('a daemon registers its host and says that it lives', async () => {
  const lease = object(
    'coordination.k8s.io/v1',
    'Lease',
    { name: 'host-1', namespace: 'kvorum-hosts' },
    { spec: {} },
  )
  const labels = { 'kubernetes.io/arch': 'amd64', rack: 'r1' }

  await may('GET', '/api/v1/namespaces/kvorum-hosts')
  await may('POST', leasesPath, { body: lease })
  await may('PATCH', `${leasesPath}/host-1`, patch({ spec: { holderIdentity: 'x' } }))
  await may('POST', `${api}/hosts`, {
    body: object('kvorum.dev/v1alpha1', 'Host', { name: 'host-1' }, { spec: {} }),
  })
  await may('PATCH', `${api}/hosts/host-1`, patch({ metadata: { labels } }))
  await may('PATCH', `${api}/hosts/host-1/status`, patch({ status: { machines: 0 } }))
  await may('GET', `${api}/hosts?fieldSelector=metadata.name%3Dhost-1`)
  // Published a moment after the server has started.
  const authorities = '/api/v1/namespaces/kvorum-hosts/configmaps/kube-root-ca.crt'
  await until(async () => (await daemon.send('GET', authorities)).code === 200, 'the authorities')
})

test.each([
  'virtualmachineinstances?fieldSelector=spec.hostName%3Dhost-1',
  'disks?fieldSelector=status.hostName%3Dhost-1',
  'images?limit=5&fieldSelector=status.hostName%3Dhost-1',
  'storagedomains',
  'networks',
  'hostclusters',
])('it lists %s', async (collection) => {
  expect(await may('GET', `${api}/${collection}`)).toMatchObject({ items: expect.any(Array) })
})

test('what a run needs is open from the moment that it is placed, and what is on the host is to be written', async () => {
  const disk = aDisk({ metadata: { name: 'root' }, spec: { source: { image: { name: 'debian' } } } })
  const run = aVirtualMachineInstance({ metadata: { name: 'web' } })
  await as(admin, 'POST', `${here}/images`, { body: fresh(anImage({ metadata: { name: 'debian' } })) })
  await as(admin, 'POST', `${here}/disks`, { body: fresh(disk) })
  const disks = [{ name: 'root', disk: { name: 'root' } }]
  await as(admin, 'POST', `${here}/virtualmachineinstances`, {
    body: { ...fresh(run), spec: { ...run.spec, disks } },
  })
  for (const path of ['virtualmachineinstances/web', 'disks/root', 'images/debian'])
    await mayNot('GET', `${here}/${path}`)

  await as(admin, 'PATCH', `${here}/virtualmachineinstances/web`, patch({ spec: { hostName: 'host-1' } }))

  for (const path of ['virtualmachineinstances/web', 'disks/root', 'images/debian'])
    await may('GET', `${here}/${path}`)
  await may('PATCH', `${here}/disks/root/status`, patch({ status: { phase: 'Pending', hostName: 'host-1' } }))
  await may('PATCH', `${here}/disks/root`, patch({ metadata: { finalizers: ['kvorum.dev/disk'] } }))
  const held = patch({ metadata: { finalizers: ['kvorum.dev/domain'] } })
  await may('PATCH', `${here}/virtualmachineinstances/web`, held)
  await may('PATCH', `${here}/virtualmachineinstances/web/status`, patch({ status: { phase: 'Running' } }))
  // Read, not written: another host may be importing it.
  await mayNot('PATCH', `${here}/images/debian/status`, patch({ status: { hostName: 'host-1' } }))
})

test('it tells of its runs, and of those that are just gone', async () => {
  const event = (name: string) => ({
    body: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace: 'default' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'kvorum.dev/node-daemon',
      reportingInstance: 'host-1',
      action: 'Test',
      reason: 'Test',
      type: 'Normal',
      regarding: {
        apiVersion: 'kvorum.dev/v1alpha1',
        kind: 'VirtualMachineInstance',
        name: 'web',
        namespace: 'default',
      },
    },
  })
  await may('POST', events, event('first'))
  await may('GET', `${events}/first`)
  await may(
    'PATCH',
    `${events}/first`,
    patch({ series: { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' } }),
  )

  await as(admin, 'DELETE', `${here}/virtualmachineinstances/web`)
  await may('PATCH', `${here}/virtualmachineinstances/web`, patch({ metadata: { finalizers: null } }))

  await may('POST', events, event('last'))
  await mayNot('GET', `${here}/images/nothing`)
})
