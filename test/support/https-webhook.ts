import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { systemClock } from '../../apimachinery/clock.ts'
import { createAuthority, issueCertificate, type KeyPair } from '../../apiserver/certificates/authority.ts'

const authority = createAuthority(systemClock, 'webhooks', 1)

export async function webhookAuthority(): Promise<KeyPair> {
  return await authority
}

export interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
  /** Common name of the client's certificate. */
  readonly client: string | undefined
}

export type Respond = (received: Received, response: ServerResponse) => void | Promise<void>

/** A webhook on a free port with a certificate for `hosts`; it keeps what it was sent. */
export interface HttpsWebhook {
  readonly url: string
  /** Its authority, PEM in base64 as in `caBundle`. */
  readonly caBundle: string
  readonly received: readonly Received[]
  /** How many connections were opened. */
  readonly connections: () => number
  respond(next: Respond): void
  /** Ends kept connections at the server's side. */
  hangUp(): void
  close(): Promise<void>
}

export async function startHttpsWebhook(
  respond: Respond,
  { hosts = ['127.0.0.1'] }: { hosts?: readonly string[] } = {},
): Promise<HttpsWebhook> {
  const signer = await authority
  const server = createServer({
    ...(await serving(signer, hosts)),
    ca: signer.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  })
  const received: Received[] = []
  const sockets = new Set<TLSSocket>()
  let connections = 0
  let current = respond
  server.on('secureConnection', (socket: TLSSocket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.on('request', (request, response) => {
    void read(request).then(async (entry) => {
      received.push(entry)
      await current(entry, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caBundle: Buffer.from(signer.certificate).toString('base64'),
    received,
    connections: () => connections,
    respond: (next) => void (current = next),
    hangUp: () => sockets.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function serving(signer: KeyPair, hosts: readonly string[]): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await issueCertificate(systemClock, signer, {
    commonName: 'webhook',
    usage: 'server',
    hosts,
    validDays: 1,
  })
  return { cert: certificate, key }
}

async function read(request: IncomingMessage): Promise<Received> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string
  const name = (request.socket as TLSSocket).getPeerCertificate()?.subject?.CN
  return {
    path: request.url ?? '',
    headers: request.headers,
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
    client: Array.isArray(name) ? name[0] : name,
  }
}

/** Answers every call with the same JSON. */
export function answering(value: unknown, code = 200, headers: Record<string, string> = {}): Respond {
  return (_received, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(typeof value === 'string' ? value : JSON.stringify(value))
  }
}
