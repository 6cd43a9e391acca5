// The library finds its parts through reflection and does not load this by itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import type { ApiResource } from '../../apimachinery/client/client.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** `certificates.k8s.io/v1`, as far as a daemon looks at it. */
export interface SigningRequest extends KubeObject {
  spec: {
    request: string
    signerName: string
    usages: string[]
    expirationSeconds?: number
  }
  status?: {
    conditions?: { type: string; reason?: string; message?: string }[]
    certificate?: string
  }
}

export const signingRequests: ApiResource<SigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  namespaced: false,
}

/** What the two certificates of a daemon are for. */
export const purposes = {
  client: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usage: 'client auth' },
  serving: { signerName: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
} as const
export type Purpose = keyof typeof purposes

export interface NewRequest {
  readonly hostName: string
  readonly purpose: Purpose
  /** Left out: as long as the server gives. */
  readonly lifeMs: number | undefined
}

/** A new key, and the request for a certificate of it. */
export async function newSigningRequest({
  hostName,
  purpose,
  lifeMs,
}: NewRequest): Promise<{ readonly key: string; readonly request: SigningRequest }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const names = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: hostName }])
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: [{ O: ['system:nodes'] }, { CN: [`system:node:${hostName}`] }],
      keys,
      signingAlgorithm: algorithm,
      extensions: purpose === 'serving' ? [names] : [],
    },
    webcrypto,
  )
  const { signerName, usage } = purposes[purpose]
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    key: x509.PemConverter.encode(der, 'PRIVATE KEY'),
    request: {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      // The server may forget it after an hour; names never come again.
      metadata: { name: `node-csr-${purpose}-${hostName.slice(0, 180)}-${webcrypto.randomUUID()}` },
      spec: {
        request: Buffer.from(request.toString('pem')).toString('base64'),
        signerName,
        usages: ['digital signature', usage],
        // Less than ten minutes nobody signs.
        ...(lifeMs !== undefined && { expirationSeconds: Math.max(600, Math.round(lifeMs / 1000)) }),
      },
    },
  }
}
