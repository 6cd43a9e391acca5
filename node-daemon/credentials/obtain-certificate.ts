import type { Client } from '../../apimachinery/client/client.ts'
import { isNotFound } from '../../apimachinery/status-error.ts'
import type { Stored } from '../../crds/meta/object-meta.ts'
import { type KeyPair, parseKeyPair } from './key-pair.ts'
import {
  type NewRequest,
  newSigningRequest,
  type SigningRequest,
  signingRequests,
} from './signing-request.ts'

/** The request was denied, or cannot be signed; the message says why. Asking again may help later. */
export class CertificateRefusedError extends Error {
  override readonly name = 'CertificateRefusedError'
}

/**
 * Asks for a certificate and waits until somebody has decided, a program or a person, or `signal` is aborted. Throws
 * CertificateRefusedError, or the StatusError of a server that does not take the request.
 */
export async function obtainCertificate(
  client: Client,
  wanted: NewRequest,
  signal: AbortSignal,
): Promise<KeyPair> {
  const { key, request } = await newSigningRequest(wanted)
  const created = await client.create(signingRequests, request, { signal })
  const certificate = await answerTo(client, created, signal)
  const pair = parseKeyPair(`${certificate}\n${key}`)
  if (pair === undefined)
    throw new CertificateRefusedError('the certificate is not for the key that it was asked for')
  return pair
}

async function answerTo(
  client: Client,
  created: Stored<SigningRequest>,
  signal: AbortSignal,
): Promise<string> {
  const { name } = created.metadata
  let latest = created
  for (;;) {
    const certificate = certificateIn(latest)
    if (certificate !== undefined) return certificate
    const watching = new AbortController()
    const events = client.watch(signingRequests, {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: latest.metadata.resourceVersion,
      signal: AbortSignal.any([signal, watching.signal]),
    })
    for await (const event of events) {
      if (event.type === 'DELETED') throw new CertificateRefusedError(`the request ${name} was deleted`)
      if (event.type === 'BOOKMARK') continue
      const answer = certificateIn(event.object)
      if (answer === undefined) continue
      watching.abort()
      return answer
    }
    signal.throwIfAborted()
    // The watch came to its end: look again, and go on from there.
    latest = await client.get(signingRequests, { name }, { signal }).catch((error: unknown) => {
      if (isNotFound(error))
        throw new CertificateRefusedError(`the request ${name} was deleted`, { cause: error })
      throw error
    })
  }
}

function certificateIn({ status }: SigningRequest): string | undefined {
  const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
  if (refusal !== undefined) {
    const { type, reason = '', message = '' } = refusal
    throw new CertificateRefusedError(
      `the request was ${type.toLowerCase()}: ${message || reason || 'nobody says why'}`,
    )
  }
  const encoded = status?.certificate
  return encoded === undefined || encoded === '' ? undefined : Buffer.from(encoded, 'base64').toString('utf8')
}
