import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Paths of PEM files. */
export interface EtcdCertificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** An authority, and one certificate for 127.0.0.1 that serves for etcd and for its client. */
export async function makeEtcdCertificates(directory: string): Promise<EtcdCertificates> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authority = ['-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=ca', '-days', '1']
  await openssl('req', '-x509', ...newKey, ...authority)
  await openssl('req', ...newKey, '-keyout', 'etcd.key', '-out', 'etcd.csr', '-subj', '/CN=etcd')
  const extensions = 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n'
  await writeFile(join(directory, 'extensions'), extensions)
  const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial']
  const issued = ['-extfile', 'extensions', '-days', '1']
  await openssl('x509', '-req', '-in', 'etcd.csr', '-out', 'etcd.crt', ...issuer, ...issued)
  const file = (name: string) => join(directory, name)
  return { ca: file('ca.crt'), certificate: file('etcd.crt'), key: file('etcd.key') }
}
