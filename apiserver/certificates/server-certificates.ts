import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'
import { CertificateDirectory, writeWhole } from './certificate-directory.ts'
import { kubeconfig } from './kubeconfig.ts'

export interface CertificateOptions {
  readonly certDir: string
  readonly bindAddress: string
  readonly externalHostname?: string | undefined
  readonly tlsCertFile?: string | undefined
  readonly tlsPrivateKeyFile?: string | undefined
  readonly clientCaFile?: string | undefined
}

export interface ServerCertificates {
  readonly certificate: string
  readonly key: string
  /** What the serving certificate is signed by, as far as it is known. */
  readonly authority: string
  readonly clientAuthority: string
  /** Writes `admin.kubeconfig` beside the certificates and returns it; undefined when the authority is not ours. */
  readonly adminKubeconfig: ((server: string) => Promise<string>) | undefined
}

/** Reads the certificates that the options name and makes those that they do not. */
export async function ensureServerCertificates(
  options: CertificateOptions,
  clock: Clock,
): Promise<ServerCertificates> {
  const { tlsCertFile, tlsPrivateKeyFile, clientCaFile } = options
  const clientAuthority = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8')
  if (tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined && clientAuthority !== undefined) {
    return {
      certificate: await readFile(tlsCertFile, 'utf8'),
      key: await readFile(tlsPrivateKeyFile, 'utf8'),
      authority: clientAuthority,
      clientAuthority,
      adminKubeconfig: undefined,
    }
  }
  const directory = new CertificateDirectory(options.certDir, clock)
  const { certificate: ownAuthority } = await directory.authority()
  const serving =
    tlsCertFile !== undefined && tlsPrivateKeyFile !== undefined
      ? { certificate: await readFile(tlsCertFile, 'utf8'), key: await readFile(tlsPrivateKeyFile, 'utf8') }
      : await directory.certificate('apiserver', {
          commonName: 'kvorum-apiserver',
          usage: 'server',
          hosts: servingHosts(options),
        })
  return {
    ...serving,
    authority: ownAuthority,
    clientAuthority: clientAuthority === undefined ? ownAuthority : `${clientAuthority}\n${ownAuthority}`,
    async adminKubeconfig(server) {
      const client = await directory.certificate('admin', {
        commonName: 'kvorum-admin',
        organizations: ['system:masters'],
        usage: 'client',
      })
      const text = kubeconfig({ name: 'kvorum', server, authority: ownAuthority, client })
      await writeWhole(join(options.certDir, 'admin.kubeconfig'), text)
      return text
    },
  }
}

function servingHosts({ bindAddress, externalHostname }: CertificateOptions): string[] {
  const hosts = ['127.0.0.1', '::1', 'localhost', hostname(), 'kubernetes', 'kubernetes.default']
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') hosts.push(bindAddress)
  if (externalHostname !== undefined) hosts.push(externalHostname)
  return [...new Set(hosts)]
}
