import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { UserInfo } from '../http/exchange.ts'
import type { Authenticator } from './authenticator.ts'

const users = new WeakMap<object, UserInfo | null>()

/** The subject of a client certificate that the TLS layer has verified: common name and organizations. */
export function clientCertificateAuthenticator(): Authenticator {
  return async (request) => {
    const socket = tlsSocketOf(request)
    if (!socket) return undefined
    let user = users.get(socket)
    if (user === undefined) users.set(socket, (user = userOf(socket) ?? null))
    return user ?? undefined
  }
}

function tlsSocketOf(request: IncomingMessage): TLSSocket | undefined {
  // Over HTTP/2 `request.socket` is a proxy; the session holds the real one, the same for all its streams.
  const { stream } = request as unknown as { stream?: { session?: { socket?: TLSSocket } } }
  const socket = stream?.session ? sessionSocket(stream.session) : (request.socket as TLSSocket)
  return typeof socket?.getPeerCertificate === 'function' ? socket : undefined
}

function sessionSocket(session: { socket?: TLSSocket }): TLSSocket | undefined {
  return session.socket
}

function userOf(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate()
  const name = listOf(subject?.CN)[0]
  if (name === undefined || name === '') return undefined
  return { name, groups: listOf(subject.O) }
}

/** Node gives one value as a string and several as a list, whatever the type says. */
function listOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
