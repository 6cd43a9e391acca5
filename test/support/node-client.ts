import { Agent, request } from 'node:https'
import { configFromText } from '../../apimachinery/client/config.ts'
import { httpClient } from '../../apimachinery/client/http-client.ts'
import type { Client } from '../../apimachinery/client/client.ts'
import { systemClock } from '../../apimachinery/clock.ts'
import { CertificateDirectory } from '../../apiserver/certificates/certificate-directory.ts'
import { kubeconfig } from '../../apiserver/certificates/kubeconfig.ts'
import type { KeyPair } from '../../apiserver/certificates/authority.ts'
import type { TestApiServer } from './apiserver.ts'

/** A client certificate by the server's own authority. */
export function clientCertificate(
  server: TestApiServer,
  commonName: string,
  ...organizations: string[]
): Promise<KeyPair> {
  const directory = new CertificateDirectory(server.directory, systemClock)
  const name = `test-${commonName.replaceAll(/[^a-z0-9]/g, '-')}`
  return directory.certificate(name, { commonName, organizations, usage: 'client' })
}

export function nodeCertificate(server: TestApiServer, host: string): Promise<KeyPair> {
  return clientCertificate(server, `system:node:${host}`, 'system:nodes')
}

/** A client as the programs use it, with that certificate. */
export function clientWith(server: TestApiServer, client: KeyPair): Client {
  const text = kubeconfig({ name: 'test', server: server.url, authority: server.caPem, client })
  return httpClient(configFromText(text))
}

export interface RawAnswer {
  readonly code: number
  readonly text: string
}

/** Requests with a client certificate, as a test writes them. */
export class CertificateRequester {
  readonly #url: URL
  readonly #agent: Agent

  constructor(server: TestApiServer, { certificate, key }: KeyPair) {
    this.#url = new URL(server.url)
    this.#agent = new Agent({ keepAlive: true, ca: server.caPem, cert: certificate, key })
  }

  send(
    method: string,
    path: string,
    { body, contentType = 'application/json', headers = {} }: RawRequest = {},
  ): Promise<RawAnswer> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          headers: {
            ...(bytes && { 'content-type': contentType, 'content-length': bytes.length }),
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve({ code: response.statusCode ?? 0, text }))
        },
      )
      sent.on('error', reject)
      sent.end(bytes)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

export interface RawRequest {
  readonly body?: object
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}
