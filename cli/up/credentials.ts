import { join } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'
import { CertificateDirectory, writeWhole } from '../../apiserver/certificates/certificate-directory.ts'
import { kubeconfig } from '../../apiserver/certificates/kubeconfig.ts'
import type { EtcdTls } from './etcd.ts'
import type { DataLayout } from './layout.ts'

/** Files that the programs are started with. */
export interface Credentials {
  readonly etcdServer: EtcdTls
  readonly etcdClient: EtcdTls
  readonly api: ServerFiles & {
    readonly kubeletClientCertFile: string
    readonly kubeletClientKeyFile: string
  }
  readonly controllersKubeconfig: string
  readonly daemonKubeconfig: string
  readonly daemon: ServerFiles
}

interface ServerFiles {
  readonly clientCaFile: string
  readonly certFile: string
  readonly keyFile: string
}

export interface CredentialRequest {
  readonly layout: DataLayout
  readonly clock: Clock
  readonly hostName: string
  /** Names and addresses of the API server. */
  readonly apiHosts: readonly string[]
  readonly apiUrl: string
}

/**
 * Makes what is missing or about to expire: an authority for the API and one for etcd (who may talk to etcd may do
 * anything, so no certificate of the API's authority opens it), a certificate per program, kubeconfigs.
 */
export async function ensureCredentials(request: CredentialRequest): Promise<Credentials> {
  const { layout, clock, hostName, apiHosts } = request
  const apiPki = new CertificateDirectory(layout.pki, clock)
  const etcdDir = join(layout.pki, 'etcd')
  const etcdPki = new CertificateDirectory(etcdDir, clock)
  await etcdPki.certificate('server', {
    commonName: 'etcd',
    usage: 'server',
    hosts: ['127.0.0.1', 'localhost'],
  })
  await etcdPki.certificate('client', { commonName: 'kvorum-apiserver', usage: 'client' })
  await apiPki.certificate('apiserver', { commonName: 'kvorum-apiserver', usage: 'server', hosts: apiHosts })
  await apiPki.certificate('apiserver-daemon-client', { commonName: 'kvorum:apiserver', usage: 'client' })
  await apiPki.certificate('daemon', {
    commonName: hostName,
    usage: 'server',
    hosts: ['127.0.0.1', 'localhost', hostName],
  })

  const file = (name: string) => join(layout.pki, name)
  const etcdFile = (name: string) => join(etcdDir, name)
  return {
    etcdServer: {
      caFile: etcdFile('ca.crt'),
      certFile: etcdFile('server.crt'),
      keyFile: etcdFile('server.key'),
    },
    etcdClient: {
      caFile: etcdFile('ca.crt'),
      certFile: etcdFile('client.crt'),
      keyFile: etcdFile('client.key'),
    },
    api: {
      clientCaFile: file('ca.crt'),
      certFile: file('apiserver.crt'),
      keyFile: file('apiserver.key'),
      kubeletClientCertFile: file('apiserver-daemon-client.crt'),
      kubeletClientKeyFile: file('apiserver-daemon-client.key'),
    },
    controllersKubeconfig: await clientKubeconfig(request, apiPki, 'controllers', 'kvorum:controllers'),
    daemonKubeconfig: await clientKubeconfig(
      request,
      apiPki,
      'node',
      `system:node:${hostName}`,
      'system:nodes',
    ),
    daemon: { clientCaFile: file('ca.crt'), certFile: file('daemon.crt'), keyFile: file('daemon.key') },
  }
}

/** The kubeconfig for the people who run this: full rights. */
export async function writeAdminKubeconfig(request: CredentialRequest): Promise<void> {
  const pki = new CertificateDirectory(request.layout.pki, request.clock)
  const client = await pki.certificate('admin', {
    commonName: 'kvorum-admin',
    organizations: ['system:masters'],
    usage: 'client',
  })
  const authority = (await pki.authority()).certificate
  await writeWhole(
    request.layout.adminKubeconfig,
    kubeconfig({ name: 'kvorum', server: request.apiUrl, authority, client }),
  )
}

async function clientKubeconfig(
  { layout, apiUrl }: CredentialRequest,
  pki: CertificateDirectory,
  name: string,
  ...[commonName, organization = 'kvorum:programs']: [string, string?]
): Promise<string> {
  const client = await pki.certificate(name, { commonName, organizations: [organization], usage: 'client' })
  const authority = (await pki.authority()).certificate
  const path = join(layout.pki, `${name}.kubeconfig`)
  await writeWhole(path, kubeconfig({ name: 'kvorum', server: apiUrl, authority, client }))
  return path
}
