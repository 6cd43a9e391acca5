import { isIP } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Clock } from '../../clock.ts'
import type { Connection, Credentials } from './connection.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2-connection.ts'

const connectTimeoutMs = 10_000

/** Connects to the server, by HTTP/2 when it speaks that. Rejects when it cannot be reached or trusted. */
export async function openConnection(url: URL, credentials: Credentials, clock: Clock): Promise<Connection> {
  if (url.protocol === 'http:') return new Http1Connection(url, {})
  const tls = tlsOptions(url, credentials)
  const socket = await openSocket(url, tls, clock)
  if (socket.alpnProtocol === 'h2') return new Http2Connection(socket, url.host, clock)
  socket.destroy()
  return new Http1Connection(url, tls)
}

function tlsOptions(
  url: URL,
  { ca, cert, key, serverName, insecureSkipTlsVerify }: Credentials,
): ConnectionOptions {
  const host = hostOf(url)
  const name = serverName ?? (isIP(host) === 0 ? host : undefined)
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(name !== undefined && { servername: name }),
    rejectUnauthorized: insecureSkipTlsVerify !== true,
  }
}

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '')

function openSocket(url: URL, tls: ConnectionOptions, clock: Clock): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...tls,
      host: hostOf(url),
      port: url.port === '' ? 443 : Number(url.port),
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    const cancelTimeout = clock.after(connectTimeoutMs, () =>
      socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    )
    const fail = (error: Error) => {
      cancelTimeout()
      reject(error)
    }
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      cancelTimeout()
      socket.off('error', fail)
      resolve(socket)
    })
  })
}
