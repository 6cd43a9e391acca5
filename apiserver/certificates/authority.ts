// The library finds its parts through reflection and does not load this by itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../../apimachinery/clock.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 24 * 60 * 60 * 1000
/** Clocks of hosts differ: certificates are valid from a little before now. */
const backdateMs = 5 * 60 * 1000

const serverAuth = '1.3.6.1.5.5.7.3.1'
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** A certificate with its private key, both PEM; the key as PKCS#8. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

export interface CertificateRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly usage: 'server' | 'client'
  /** Names and addresses a server is reached by. */
  readonly hosts?: readonly string[]
  readonly validDays: number
}

/** A new self-signed authority for `commonName`. */
export async function createAuthority(clock: Clock, commonName: string, validDays: number): Promise<KeyPair> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [commonName] }],
      ...validity(clock, validDays),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** A new key and a certificate for it, signed by `authority`. */
export async function issueCertificate(
  clock: Clock,
  authority: KeyPair,
  request: CertificateRequest,
): Promise<KeyPair> {
  const keys = await generateKeys()
  const issuer = new x509.X509Certificate(authority.certificate)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: subjectOf(request),
      issuer: issuer.subjectName,
      ...validity(clock, request.validDays),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: await importKey(authority.key),
      extensions: await extensionsOf(request, keys.publicKey, issuer),
    },
    webcrypto,
  )
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** When a PEM certificate stops being valid, in milliseconds since the epoch; undefined when it is none. */
export function expiryOf(certificate: string): number | undefined {
  try {
    return new x509.X509Certificate(certificate).notAfter.getTime()
  } catch {
    return undefined
  }
}

function subjectOf({ commonName, organizations = [] }: CertificateRequest): x509.JsonName {
  const names = organizations.map((organization) => ({ O: [organization] }))
  return [...names, { CN: [commonName] }]
}

async function extensionsOf(
  { usage, hosts = [] }: CertificateRequest,
  publicKey: webcrypto.CryptoKey,
  issuer: x509.X509Certificate,
): Promise<x509.Extension[]> {
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([usage === 'server' ? serverAuth : clientAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
    await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
  ]
  if (hosts.length > 0) {
    extensions.push(
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
      ),
    )
  }
  return extensions
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return x509.PemConverter.encode(der, 'PRIVATE KEY')
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem)
  return (await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])) as webcrypto.CryptoKey
}

function validity(clock: Clock, validDays: number): { notBefore: Date; notAfter: Date } {
  const now = clock.now()
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + validDays * dayMs) }
}

function serialNumber(): string {
  // A leading zero bit keeps the number positive.
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('hex')
}
