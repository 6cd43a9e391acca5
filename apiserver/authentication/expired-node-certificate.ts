import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import { nodeNameOf, recoveryGroup, recoveryUserPrefix } from '../authorization/node-identity.ts'
import type { Authenticator } from './authenticator.ts'
import { subjectOf, tlsSocketOf } from './client-certificate.ts'

export interface ExpiredNodeOptions {
  readonly clock: Clock
  /** PEM of every authority whose certificates are believed, as of now. */
  readonly clientAuthority: () => string
  /** How long after its end a certificate still proves which host asks; 0: not at all. */
  readonly windowMs: number
}

const clientAuth = '1.3.6.1.5.5.7.3.2'

/**
 * Daemons of hosts that were off for longer than their certificate lasts: they become `system:node-recovery:<host>`, who
 * may ask for a new certificate and do nothing else. That the other end holds the certificate's key is proven by TLS;
 * everything else about an expired certificate is checked here, because TLS tells one reason for distrust at most.
 */
export function expiredNodeAuthenticator(options: ExpiredNodeOptions): Authenticator {
  return async (request) => {
    const certificate = tlsSocketOf(request)?.getPeerX509Certificate()
    if (certificate === undefined || !isExpiredClient(certificate, options)) return undefined
    if (!issuedBy(certificate, options)) return undefined
    const user = subjectOf(certificate.toLegacyObject())
    const host = user && nodeNameOf(user)
    if (host === undefined) return undefined
    return { name: `${recoveryUserPrefix}${host}`, groups: [recoveryGroup] }
  }
}

function isExpiredClient(certificate: X509Certificate, { clock, windowMs }: ExpiredNodeOptions): boolean {
  const now = clock.now()
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (certificate.ca || !certificate.keyUsage?.includes(clientAuth)) return false
  return from <= now && to < now && now - to <= windowMs
}

/** Directly, by an authority that is valid itself: certificates of nodes have no intermediates. */
function issuedBy(certificate: X509Certificate, { clock, clientAuthority }: ExpiredNodeOptions): boolean {
  return authoritiesIn(clientAuthority()).some(
    (authority) =>
      authority.ca &&
      Date.parse(authority.validTo) > clock.now() &&
      certificate.checkIssued(authority) &&
      certificate.verify(authority.publicKey),
  )
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function authoritiesIn(text: string): X509Certificate[] {
  return (text.match(pemBlock) ?? []).map((pem) => new X509Certificate(pem))
}
