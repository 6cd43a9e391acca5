// The library finds its parts through reflection and does not load this by itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'

/** What a PKCS#10 request asks to be called, taken apart. */
export interface ParsedRequest {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly emails: readonly string[]
  readonly uris: readonly string[]
  readonly publicKey: x509.PublicKey
}

const maxRequestBytes = 64 * 1024
/** OID of the extension subjectAltName. */
const alternativeNames = '2.5.29.17'

/** A request that is not one; the message says why. */
export class SigningRequestError extends Error {
  override readonly name = 'SigningRequestError'
}

/** Reads the PEM of a request. Its own signature is not checked: see `isSelfSigned`. Throws SigningRequestError. */
export function parseSigningRequest(pem: string): ParsedRequest {
  if (pem.length > maxRequestBytes)
    throw new SigningRequestError(`must be at most ${maxRequestBytes} bytes long`)
  try {
    const request = decoded(pem)
    const extensions = request.getExtensions(alternativeNames)
    const names = extensions.flatMap(
      ({ rawData }) => new x509.SubjectAlternativeNameExtension(rawData).names.items,
    )
    const [commonName = '', ...others] = request.subjectName.getField('CN')
    if (others.length > 0) throw new SigningRequestError('must have one common name')
    const of = (type: x509.GeneralNameType) =>
      names.filter((name) => name.type === type).map(({ value }) => value)
    return {
      commonName,
      organizations: request.subjectName.getField('O'),
      dnsNames: of('dns'),
      ipAddresses: of('ip'),
      emails: of('email'),
      uris: of('url'),
      publicKey: request.publicKey,
    }
  } catch (error) {
    if (error instanceof SigningRequestError) throw error
    throw new SigningRequestError('is not a PKCS#10 certificate request', { cause: error })
  }
}

/** Whether the request is signed by the key that it is for: without that anybody could ask for anybody's key. */
export async function isSelfSigned(pem: string): Promise<boolean> {
  try {
    return await decoded(pem).verify(webcrypto)
  } catch {
    return false
  }
}

function decoded(pem: string): x509.Pkcs10CertificateRequest {
  const blocks = x509.PemConverter.decodeWithHeaders(pem)
  const [block] = blocks
  // Kubernetes takes both headers.
  if (block === undefined || !/^(NEW )?CERTIFICATE REQUEST$/.test(block.type))
    throw new SigningRequestError('PEM block type must be CERTIFICATE REQUEST')
  return new x509.Pkcs10CertificateRequest(block.rawData)
}
