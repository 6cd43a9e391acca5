// The library finds its parts through reflection and does not load this by itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export interface WantedRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  readonly signer?: string
  readonly usages?: readonly string[]
  readonly expirationSeconds?: number
  readonly name?: string
}

/** A CertificateSigningRequest for a new key that nobody keeps; by default as a daemon asks for its own. */
export async function aSigningRequest(wanted: WantedRequest): Promise<object> {
  const { commonName, organizations = ['system:nodes'], dnsNames = [], ipAddresses = [] } = wanted
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
      keys,
      signingAlgorithm: algorithm,
      extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
    },
    webcrypto,
  )
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: wanted.name === undefined ? { generateName: 'csr-' } : { name: wanted.name },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: wanted.signer ?? 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: wanted.usages ?? ['digital signature', 'client auth'],
      ...(wanted.expirationSeconds !== undefined && { expirationSeconds: wanted.expirationSeconds }),
    },
  }
}
