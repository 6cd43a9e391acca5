// The library finds its parts through reflection and does not load this by itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock } from '../../apimachinery/clock.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 24 * 60 * 60 * 1000
/** Clocks of hosts differ: certificates are valid from a little before now. */
export const backdateMs = 5 * 60 * 1000

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
  /** How long before now it begins to be valid; default five minutes. */
  readonly backdateMs?: number
}

/** A new self-signed authority for `commonName`. */
export async function createAuthority(
  clock: Clock,
  commonName: string,
  validDays: number,
  backdate: number = backdateMs,
): Promise<KeyPair> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [commonName] }],
      ...validity(clock, { validMs: validDays * dayMs, backdateMs: backdate }),
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
  const { commonName, organizations = [], usage, hosts = [], validDays } = request
  const certificate = await signCertificate(clock, authority, {
    commonName,
    organizations,
    usages: ['digital signature', `${usage} auth`],
    dnsNames: hosts.filter((host) => isIP(host) === 0),
    ipAddresses: hosts.filter((host) => isIP(host) !== 0),
    publicKey: keys.publicKey,
    validMs: validDays * dayMs,
    ...(request.backdateMs !== undefined && { backdateMs: request.backdateMs }),
  })
  return { certificate, key: await exportKey(keys.privateKey) }
}

/** What a certificate says, and the key that it says it of. */
export interface CertificateContent {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** As in a CertificateSigningRequest: `digital signature`, `client auth` … Others are left out. */
  readonly usages: readonly string[]
  readonly publicKey: webcrypto.CryptoKey | x509.PublicKey
  /** From now on; never longer than the authority's own. */
  readonly validMs: number
  readonly backdateMs?: number
}

/** A certificate by `authority`, PEM. */
export async function signCertificate(
  clock: Clock,
  authority: KeyPair,
  content: CertificateContent,
): Promise<string> {
  const { commonName, organizations } = content
  const issuer = new x509.X509Certificate(authority.certificate)
  const { notBefore, notAfter } = validity(clock, content)
  const { key: signingKey, algorithm: signingAlgorithm } = await importSigningKey(authority.key)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
      issuer: issuer.subjectName,
      notBefore,
      notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
      signingAlgorithm,
      publicKey: content.publicKey,
      signingKey,
      extensions: await extensionsOf(content, issuer),
    },
    webcrypto,
  )
  return certificate.toString('pem')
}

/** When a PEM certificate stops being valid, in milliseconds since the epoch; undefined when it is none. */
export function expiryOf(certificate: string): number | undefined {
  try {
    return new x509.X509Certificate(certificate).notAfter.getTime()
  } catch {
    return undefined
  }
}

const keyUsages: Readonly<Record<string, x509.KeyUsageFlags>> = {
  'digital signature': x509.KeyUsageFlags.digitalSignature,
  'key encipherment': x509.KeyUsageFlags.keyEncipherment,
}
const extendedUsages: Readonly<Record<string, string>> = {
  'server auth': serverAuth,
  'client auth': clientAuth,
}

async function extensionsOf(
  { usages, dnsNames, ipAddresses, publicKey }: CertificateContent,
  issuer: x509.X509Certificate,
): Promise<x509.Extension[]> {
  const flags = usages.reduce((sum, usage) => sum | (keyUsages[usage] ?? 0), 0)
  const extended = usages.flatMap((usage) => extendedUsages[usage] ?? [])
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(flags, true),
    new x509.ExtendedKeyUsageExtension(extended),
    await x509.AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
    await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
  ]
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names))
  return extensions
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return x509.PemConverter.encode(der, 'PRIVATE KEY')
}

const hashes: Readonly<Record<string, readonly [string, string]>> = {
  prime256v1: ['P-256', 'SHA-256'],
  secp384r1: ['P-384', 'SHA-384'],
  secp521r1: ['P-521', 'SHA-512'],
}

/** EC or RSA, in PKCS#8 or the older forms: an authority may come from anywhere. Throws for other keys. */
async function importSigningKey(
  pem: string,
): Promise<{ key: webcrypto.CryptoKey; algorithm: webcrypto.EcdsaParams | webcrypto.Algorithm }> {
  const key = createPrivateKey(pem)
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const imported = async <T extends { name: string }>(keyAlgorithm: T) => ({
    key: (await webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, [
      'sign',
    ])) as webcrypto.CryptoKey,
    algorithm: keyAlgorithm,
  })
  if (key.asymmetricKeyType === 'rsa') return await imported({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' })
  const [namedCurve, hash] = hashes[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
  if (namedCurve === undefined || hash === undefined)
    throw new Error(`an authority's key must be RSA or EC, not ${key.asymmetricKeyType ?? 'unknown'}`)
  return await imported({ name: 'ECDSA', namedCurve, hash })
}

function validity(
  clock: Clock,
  { validMs, backdateMs: before = backdateMs }: { validMs: number; backdateMs?: number },
): { notBefore: Date; notAfter: Date } {
  const now = clock.now()
  return { notBefore: new Date(now - before), notAfter: new Date(now + validMs) }
}

function serialNumber(): string {
  // A leading zero bit keeps the number positive.
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('hex')
}
