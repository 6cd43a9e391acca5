import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ApiResource, Client } from '../../apimachinery/client/client.ts'
import type { KubeObject } from '../../crds/meta/object-meta.ts'
import { hostLeaseNamespace } from '../../crds/v1alpha1/host.ts'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

const configMaps: ApiResource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
}
const published = { namespace: hostLeaseNamespace, name: 'kube-root-ca.crt' }

/**
 * Whom the API server says to believe about itself, kept in a file: its next authority is published long before it signs
 * anything, so that a daemon which looks now and then never meets a stranger.
 */
export class PublishedAuthorities {
  readonly #path: string
  #text = ''

  constructor(path: string) {
    this.#path = path
  }

  /** PEM; empty until it was fetched for the first time. */
  get text(): string {
    return this.#text
  }

  async load(): Promise<void> {
    this.#text = await readFile(this.#path, 'utf8').catch(() => '')
  }

  /** Rejects with the StatusError of a server that does not give it. */
  async fetch(client: Client, signal: AbortSignal): Promise<void> {
    const { data } = await client.get(configMaps, published, { signal })
    const text = data?.['ca.crt'] ?? ''
    if (text === '' || text === this.#text) return
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    await writeFile(`${this.#path}.new`, text, { mode: 0o644, flush: true })
    await rename(`${this.#path}.new`, this.#path)
    this.#text = text
  }
}
