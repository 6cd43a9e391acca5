import type { IncomingMessage } from 'node:http'
import type { Logger } from '../../apimachinery/log.ts'
import { unauthorized, type Authenticator } from './authenticator.ts'
import { TokenError, type TokenAuthenticator } from './token-authenticator.ts'

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.'

/**
 * Whoever the request's bearer token belongs to. Browsers, which cannot set headers when they open a WebSocket, hand
 * it over as one of the protocols. Throws Unauthorized when there is a token and nobody knows it.
 */
export function bearerTokenAuthenticator(
  tokens: TokenAuthenticator,
  { apiAudiences, log }: { apiAudiences: readonly string[]; log: Logger },
): Authenticator {
  return async (request) => {
    const token = bearerToken(request.headers.authorization) ?? takeProtocolToken(request)
    if (token === undefined) return undefined
    try {
      const bearer = await tokens(token, apiAudiences)
      if (bearer) return bearer.user
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
      log.info('Refused a bearer token', { reason: error.message })
    }
    throw unauthorized()
  }
}

export function bearerToken(header: string | undefined): string | undefined {
  const match = /^bearer\s+(\S+)$/i.exec(header?.trim() ?? '')
  return match?.[1]
}

/** The token among the offered protocols, taken out so that nobody answers with it or hands it on. */
function takeProtocolToken(request: IncomingMessage): string | undefined {
  const header = request.headers['sec-websocket-protocol']
  if (header === undefined || !header.includes(protocolPrefix)) return undefined
  const offered = header.split(',').map((protocol) => protocol.trim())
  const carrier = offered.find((protocol) => protocol.startsWith(protocolPrefix))
  const others = offered.filter((protocol) => !protocol.startsWith(protocolPrefix))
  // Without another protocol the server could only agree to the token itself.
  if (carrier === undefined || others.length === 0) throw unauthorized()
  request.headers['sec-websocket-protocol'] = others.join(', ')
  const token = Buffer.from(carrier.slice(protocolPrefix.length), 'base64url').toString()
  if (!/^\S+$/.test(token)) throw unauthorized()
  return token
}
