import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { parse } from 'yaml'

export interface ClusterAnswer {
  readonly code: number
  readonly body: ClusterObject
}

/** As much of an object or a Status as cases look at. */
export interface ClusterObject {
  readonly kind?: string
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes?: readonly object[] }
  readonly metadata?: { readonly [field: string]: unknown; readonly resourceVersion?: string }
  readonly [field: string]: unknown
}

/** Requests to whatever a kubeconfig points at. */
export class Cluster {
  readonly #url: URL
  readonly #agent: Agent

  /** `kubeconfig` is its text. */
  constructor(kubeconfig: string) {
    const config = parse(kubeconfig) as {
      clusters: { cluster: Record<string, string | boolean> }[]
      users: { user: Record<string, string> }[]
    }
    const cluster = config.clusters[0]?.cluster ?? {}
    const user = config.users[0]?.user ?? {}
    const decode = (data: string | boolean | undefined) =>
      typeof data === 'string' ? { data: Buffer.from(data, 'base64') } : undefined
    this.#url = new URL(String(cluster['server']))
    this.#agent = new Agent({
      keepAlive: true,
      ca: decode(cluster['certificate-authority-data'])?.data,
      cert: decode(user['client-certificate-data'])?.data,
      key: decode(user['client-key-data'])?.data,
      rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
    })
  }

  static async fromFile(path: string): Promise<Cluster> {
    return new Cluster(await readFile(path, 'utf8'))
  }

  send(
    method: string,
    path: string,
    body?: string,
    contentType = 'application/json',
  ): Promise<ClusterAnswer> {
    return this.#request(method, path, body, body === undefined ? {} : { 'content-type': contentType })
  }

  /** A list as kubectl prints it. */
  table(path: string): Promise<ClusterAnswer> {
    return this.#request('GET', path, undefined, { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' })
  }

  #request(
    method: string,
    path: string,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<ClusterAnswer> {
    const { hostname, port } = this.#url
    return new Promise((resolve, reject) => {
      const sent = request({ method, hostname, port, path, agent: this.#agent, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (more: string) => (text += more))
        response.once('end', () => resolve({ code: response.statusCode ?? 0, body: bodyOf(text) }))
      })
      sent.once('error', reject)
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function bodyOf(text: string): ClusterObject {
  try {
    return JSON.parse(text) as ClusterObject
  } catch {
    return { message: text }
  }
}
