import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { AuthenticationError, DisconnectedError } from './errors.ts'
import type { TlsTransport } from './uri.ts'

/** PEM text of what proves who is who. Without it libvirt's usual files are read. */
export interface TlsCredentials {
  readonly ca: string | Buffer
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
}

/** libvirt's word for "your certificate will do", sent once after the handshake. */
const accepted = 0x01

/** Connects by mutual TLS and waits for the daemon's verdict on our certificate. */
export async function connectTls(
  transport: TlsTransport,
  credentials: TlsCredentials | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { host, port, verify } = transport
  const { ca, cert, key } = credentials ?? readCredentials(transport.pkiPath)
  const socket = connect({
    host,
    port,
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: verify,
    // Server name indication takes no addresses; the certificate is still checked against `host`.
    servername: isIP(host) === 0 ? host : '',
    minVersion: 'TLSv1.2',
  })
  socket.setNoDelay(true)
  await verdict(socket, signal)
  return socket
}

function verdict(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let secure = false
    const settle = (error?: Error) => {
      socket.off('readable', onReadable)
      socket.off('error', onError)
      socket.off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      if (error === undefined) return resolve()
      socket.destroy()
      reject(error)
    }
    const onSecure = () => {
      secure = true
      socket.on('readable', onReadable)
    }
    const onReadable = () => {
      const byte: unknown = socket.read(1)
      if (!Buffer.isBuffer(byte)) return
      settle(
        byte[0] === accepted ? undefined : new AuthenticationError('libvirt refused our TLS certificate'),
      )
    }
    const onError = (cause: Error) => settle(explain(cause, secure))
    const onClose = () => settle(explain(new Error('the daemon closed the connection'), secure))
    const onAbort = () =>
      settle(new DisconnectedError('Cannot reach libvirt: aborted', { cause: signal.reason }))
    socket.once('secureConnect', onSecure)
    socket.on('error', onError)
    socket.on('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

function explain(cause: Error, secure: boolean): Error {
  if (secure)
    return new AuthenticationError(`libvirt refused our TLS certificate: ${cause.message}`, { cause })
  const code = 'code' in cause ? String(cause.code) : ''
  if (/^(ECONN|ENOTFOUND|EHOST|ENET|ETIMEDOUT|EAI_)/.test(code))
    return new DisconnectedError(`Cannot reach libvirt: ${cause.message}`, { cause })
  return new AuthenticationError(`The TLS handshake with libvirt failed: ${cause.message}`, { cause })
}

function readCredentials(pkiPath: string | undefined): TlsCredentials {
  const [ca, cert, key] =
    pkiPath === undefined
      ? [
          '/etc/pki/CA/cacert.pem',
          '/etc/pki/libvirt/clientcert.pem',
          '/etc/pki/libvirt/private/clientkey.pem',
        ]
      : ['cacert.pem', 'clientcert.pem', 'clientkey.pem'].map((name) => `${pkiPath}/${name}`)
  const read = (path = '') => {
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new AuthenticationError(`Cannot read the TLS file ${path}`, { cause })
    }
  }
  return { ca: read(ca), cert: read(cert), key: read(key) }
}
