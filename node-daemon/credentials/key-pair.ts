import { createPrivateKey, X509Certificate } from 'node:crypto'

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** When a pair is good, in milliseconds since the epoch. */
export interface Life {
  readonly from: number
  readonly until: number
}

const certificatePem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/
const keyPem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/

/** The pair in one text, in whichever order; undefined when it holds none, or one that does not belong together. */
export function parseKeyPair(pem: string): KeyPair | undefined {
  const [certificate] = certificatePem.exec(pem) ?? []
  const [key] = keyPem.exec(pem) ?? []
  if (certificate === undefined || key === undefined) return undefined
  try {
    const matches = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
    return matches ? { certificate, key } : undefined
  } catch {
    return undefined
  }
}

export function lifeOf({ certificate }: KeyPair): Life {
  const { validFrom, validTo } = new X509Certificate(certificate)
  return { from: Date.parse(validFrom), until: Date.parse(validTo) }
}
