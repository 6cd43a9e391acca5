import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'
import type { KeyPair } from './authority.ts'
import { CertificateDirectory, writeWhole } from './certificate-directory.ts'
import { kubeconfig } from './kubeconfig.ts'
import { readKeyPair } from './read-key-pair.ts'

export interface CertificateOptions {
  readonly certDir: string
  readonly bindAddress: string
  readonly externalHostname?: string | undefined
  readonly tlsCertFile?: string | undefined
  readonly tlsPrivateKeyFile?: string | undefined
  readonly clientCaFile?: string | undefined
  readonly kubeletClientCertificate?: string | undefined
  readonly kubeletClientKey?: string | undefined
  readonly clusterSigningCertFile?: string | undefined
  readonly clusterSigningKeyFile?: string | undefined
  /** Of own certificates, in milliseconds. */
  readonly certificateLifeMs: number
  readonly certificateBackdateMs: number
}

export interface ServerCertificates {
  readonly serving: KeyPair
  /** What the serving certificate is signed by, as far as it is known. */
  readonly authority: string
  readonly clientAuthority: string
  /** What the server shows to node daemons; undefined when there is none. */
  readonly daemonClient: KeyPair | undefined
  /** What certificate requests are signed with; undefined when that happens elsewhere. */
  readonly signing: KeyPair | undefined
  /** Makes the certificate of an administrator and its kubeconfig; undefined when the authority is not ours. */
  readonly admin: ((server: string) => Promise<string>) | undefined
}

/**
 * Reads the certificates that the options name, and makes those that they do not, anew when their end comes near. Asked
 * again it gives what is good then.
 */
export async function ensureServerCertificates(
  options: CertificateOptions,
  clock: Clock,
): Promise<ServerCertificates> {
  const { clientCaFile } = options
  const foreignClients = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8')
  const given = await givenPairs(options)
  if (given.serving !== undefined && foreignClients !== undefined) {
    const { serving, daemonClient, signing } = given
    return {
      serving,
      daemonClient,
      signing,
      authority: foreignClients,
      clientAuthority: foreignClients,
      admin: undefined,
    }
  }
  const directory = ownDirectory(options, clock)
  const authority = await directory.authority()
  const trusted = await directory.trusted()
  return {
    serving: given.serving ?? (await directory.certificate('apiserver', servingRequest(options))),
    authority: trusted,
    clientAuthority: foreignClients === undefined ? trusted : `${foreignClients}\n${trusted}`,
    daemonClient:
      given.daemonClient ?? (await directory.certificate('apiserver-daemon-client', daemonClient)),
    signing: given.signing ?? authority,
    admin: (server) =>
      adminKubeconfig(directory, { server, path: join(options.certDir, 'admin.kubeconfig') }),
  }
}

function ownDirectory(options: CertificateOptions, clock: Clock): CertificateDirectory {
  const { certDir, certificateLifeMs: lifeMs, certificateBackdateMs: backdateMs } = options
  return new CertificateDirectory(certDir, clock, { lifeMs, backdateMs })
}

async function givenPairs(options: CertificateOptions) {
  const [serving, daemonClientPair, signing] = await Promise.all([
    readKeyPair(options.tlsCertFile, options.tlsPrivateKeyFile),
    readKeyPair(options.kubeletClientCertificate, options.kubeletClientKey),
    readKeyPair(options.clusterSigningCertFile, options.clusterSigningKeyFile),
  ])
  return { serving, daemonClient: daemonClientPair, signing }
}

const daemonClient = { commonName: 'kvorum:apiserver', usage: 'client' } as const

function servingRequest(options: CertificateOptions) {
  return { commonName: 'kvorum-apiserver', usage: 'server', hosts: servingHosts(options) } as const
}

async function adminKubeconfig(
  directory: CertificateDirectory,
  { server, path }: { server: string; path: string },
): Promise<string> {
  const client = await directory.certificate('admin', {
    commonName: 'kvorum-admin',
    organizations: ['system:masters'],
    usage: 'client',
  })
  const text = kubeconfig({ name: 'kvorum', server, authority: await directory.trusted(), client })
  const current = await readFile(path, 'utf8').catch(() => '')
  if (current.trim() !== text.trim()) await writeWhole(path, text)
  return text
}

/** Names and addresses that the serving certificate is for. */
export function servingHosts({
  bindAddress,
  externalHostname,
}: Pick<CertificateOptions, 'bindAddress' | 'externalHostname'>): string[] {
  const hosts = ['127.0.0.1', '::1', 'localhost', hostname(), 'kubernetes', 'kubernetes.default']
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') hosts.push(bindAddress)
  if (externalHostname !== undefined) hosts.push(externalHostname)
  return [...new Set(hosts)]
}
