import type { IncomingMessage } from 'node:http'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { Clock } from '../../apimachinery/clock.ts'
import type { UserInfo } from '../http/exchange.ts'
import { credentialIdKey, type Authenticator } from './authenticator.ts'

interface Verified {
  readonly user: UserInfo
  /** End of the certificate's life, in milliseconds since the epoch. */
  readonly until: number
}

/**
 * The subject of a client certificate that the TLS layer has verified: common name and organizations. A connection that
 * outlives its certificate ends to say who asks.
 */
export function clientCertificateAuthenticator(clock: Clock): Authenticator {
  const verified = new WeakMap<object, Verified | null>()
  return async (request) => {
    const socket = tlsSocketOf(request)
    if (!socket) return undefined
    let known = verified.get(socket)
    if (known === undefined) verified.set(socket, (known = verifiedBy(socket) ?? null))
    return known !== null && clock.now() <= known.until ? known.user : undefined
  }
}

/** The socket that a request came in on, whichever version of HTTP it speaks. */
export function tlsSocketOf(request: IncomingMessage): TLSSocket | undefined {
  // Over HTTP/2 `request.socket` is a proxy; the session holds the real one, the same for all its streams.
  const { stream } = request as unknown as { stream?: { session?: { socket?: TLSSocket } } }
  const socket = stream?.session ? sessionSocket(stream.session) : (request.socket as TLSSocket)
  return typeof socket?.getPeerCertificate === 'function' ? socket : undefined
}

function sessionSocket(session: { socket?: TLSSocket }): TLSSocket | undefined {
  return session.socket
}

function verifiedBy(socket: TLSSocket): Verified | undefined {
  if (!socket.authorized) return undefined
  const certificate = socket.getPeerCertificate()
  const user = subjectOf(certificate)
  if (!user) return undefined
  const extra = { [credentialIdKey]: [credentialIdOf(certificate)] }
  return { user: { ...user, extra }, until: Date.parse(certificate.valid_to) }
}

function credentialIdOf({ fingerprint256 }: PeerCertificate): string {
  return `X509SHA256=${fingerprint256.replaceAll(':', '').toLowerCase()}`
}

/** The user that a certificate is for; undefined when it has no common name. */
export function subjectOf({ subject }: Pick<PeerCertificate, 'subject'>): UserInfo | undefined {
  const name = listOf(subject?.CN)[0]
  if (name === undefined || name === '') return undefined
  return { name, groups: listOf(subject.O) }
}

/** Node gives one value as a string and several as a list, whatever the type says. */
function listOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
