import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep, type Clock } from '../../apimachinery/clock.ts'
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
    /** The authority that signs what daemons and people ask for. */
    readonly signingCertFile: string
    readonly signingKeyFile: string
  }
  readonly controllersKubeconfig: string
  readonly daemonKubeconfig: string
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
  await etcdPki.trusted()
  await apiPki.trusted()
  await apiPki.certificate('apiserver', { commonName: 'kvorum-apiserver', usage: 'server', hosts: apiHosts })
  await apiPki.certificate('apiserver-daemon-client', { commonName: 'kvorum:apiserver', usage: 'client' })

  const file = (name: string) => join(layout.pki, name)
  const etcdFile = (name: string) => join(etcdDir, name)
  return {
    etcdServer: {
      caFile: etcdFile('ca-bundle.crt'),
      certFile: etcdFile('server.crt'),
      keyFile: etcdFile('server.key'),
    },
    etcdClient: {
      caFile: etcdFile('ca-bundle.crt'),
      certFile: etcdFile('client.crt'),
      keyFile: etcdFile('client.key'),
    },
    api: {
      clientCaFile: file('ca-bundle.crt'),
      certFile: file('apiserver.crt'),
      keyFile: file('apiserver.key'),
      kubeletClientCertFile: file('apiserver-daemon-client.crt'),
      kubeletClientKeyFile: file('apiserver-daemon-client.key'),
      signingCertFile: file('ca.crt'),
      signingKeyFile: file('ca.key'),
    },
    controllersKubeconfig: await clientKubeconfig(request, apiPki, 'controllers', 'kvorum:controllers'),
    daemonKubeconfig: await clientKubeconfig(
      request,
      apiPki,
      'node',
      `system:node:${hostName}`,
      'system:nodes',
    ),
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
  const authority = await pki.trusted()
  await writeChanged(
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
  const authority = await pki.trusted()
  const path = join(layout.pki, `${name}.kubeconfig`)
  await writeChanged(path, kubeconfig({ name: 'kvorum', server: apiUrl, authority, client }))
  return path
}

async function writeChanged(path: string, text: string): Promise<void> {
  const current = await readFile(path, 'utf8').catch(() => '')
  if (current.trim() !== text.trim()) await writeWhole(path, text)
}

// Programs look at their files every minute; certificates are renewed months before their end.
const everyMs = 60 * 60 * 1000

/**
 * Renews, until `signal` is aborted, what comes near its end. Programs take up new files by themselves, but for the API
 * server's certificate for etcd: `onEtcdClient` is called after that has changed.
 */
export async function keepCredentials(
  request: CredentialRequest,
  { onEtcdClient, report }: { onEtcdClient: () => void; report: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  const etcdClient = () => readFile(join(request.layout.pki, 'etcd', 'client.crt'), 'utf8').catch(() => '')
  while (!signal.aborted) {
    await sleep(request.clock, everyMs, signal).catch(() => {})
    if (signal.aborted) return
    try {
      const before = await etcdClient()
      await ensureCredentials(request)
      await writeAdminKubeconfig(request)
      if ((await etcdClient()) !== before) onEtcdClient()
    } catch (error) {
      report(
        `Certificates could not be renewed: ${error instanceof Error ? error.message : 'unknown failure'}`,
      )
    }
  }
}
