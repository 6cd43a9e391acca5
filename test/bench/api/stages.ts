import type { LoadClient } from './client.ts'
import type { Stage } from './load.ts'
import { aStatus, aWidget, nameOf, widgetsPath } from './widget.ts'

interface Stored {
  apiVersion: string
  kind: string
  metadata: { name: string; resourceVersion: string }
  spec: unknown
  status?: unknown
}

export interface LoadOptions {
  readonly objects: number
  /** Operations of each writing stage. */
  readonly writes: number
  readonly reads: number
  readonly lists: number
}

/** How many requests are under way at a time, and over how many connections. */
export const levels = [
  { inFlight: 1, share: 0.2 },
  { inFlight: 16, share: 0.4 },
  { inFlight: 64, share: 0.4 },
] as const

/** The operations on single objects, and on lists of all of them. */
export class Stages {
  readonly #client: LoadClient
  readonly #options: LoadOptions
  readonly #stored = new Map<number, Stored>()
  #count = 0

  constructor(client: LoadClient, options: LoadOptions) {
    this.#client = client
    this.#options = options
  }

  *all(): Generator<Stage> {
    let first = 0
    for (const { inFlight, share } of levels) {
      const count = Math.round(this.#options.objects * share)
      const from = first
      first += count
      yield { name: 'create', kind: 'create', inFlight, count, run: (index) => this.#create(from + index) }
    }
    const { writes, reads } = this.#options
    for (const { inFlight } of levels) {
      const single = { inFlight, count: writes }
      yield { ...single, name: 'status PUT', kind: 'status', run: (index) => this.putStatus(index) }
      yield { ...single, name: 'merge patch', kind: 'patch', run: (index) => this.#merge(index) }
      yield { ...single, name: 'server-side apply', kind: 'apply', run: (index) => this.#apply(index) }
      yield { name: 'get', kind: 'get', inFlight, count: reads, run: (index) => this.#get(index) }
    }
    yield* this.#lists()
  }

  /** Gives the object of this index another status. */
  async putStatus(index: number): Promise<void> {
    const at = index % this.#options.objects
    const known = this.#stored.get(at)
    if (!known) throw new Error(`object ${at} was not made yet`)
    const body = JSON.stringify({ ...known, status: aStatus(++this.#count) })
    const answer = await this.#client.must({ method: 'PUT', path: `${path(at)}/status`, body })
    this.#stored.set(at, JSON.parse(answer.toString()) as Stored)
  }

  async #create(index: number): Promise<void> {
    const body = JSON.stringify(aWidget(index))
    const answer = await this.#client.must({ method: 'POST', path: widgetsPath, body })
    this.#stored.set(index, JSON.parse(answer.toString()) as Stored)
  }

  async #merge(index: number): Promise<void> {
    const body = JSON.stringify({ spec: { memoryMiB: 1024 + ++this.#count } })
    const headers = { 'content-type': 'application/merge-patch+json' }
    const answer = await this.#client.must({ method: 'PATCH', path: path(index), body, headers })
    this.#stored.set(index, JSON.parse(answer.toString()) as Stored)
  }

  async #apply(index: number): Promise<void> {
    const body = JSON.stringify(aWidget(index, 1024 + ++this.#count))
    const headers = { 'content-type': 'application/apply-patch+yaml' }
    const query = 'fieldManager=bench&force=true'
    const answer = await this.#client.must({
      method: 'PATCH',
      path: `${path(index)}?${query}`,
      body,
      headers,
    })
    this.#stored.set(index, JSON.parse(answer.toString()) as Stored)
  }

  async #get(index: number): Promise<void> {
    await this.#client.must({ method: 'GET', path: path(index % this.#options.objects) })
  }

  *#lists(): Generator<Stage> {
    const { objects, lists } = this.#options
    const one = { kind: 'list', inFlight: 1, count: lists, units: objects }
    const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }
    const gzip = { 'accept-encoding': 'gzip' }
    yield { ...one, name: 'list, from the cache', run: () => this.#list('?resourceVersion=0') }
    yield { ...one, name: 'list, consistent', run: () => this.#list('') }
    yield { ...one, name: 'list, 4 at a time', inFlight: 4, count: lists * 2, run: () => this.#list('') }
    yield { ...one, name: 'list, selector (1 %)', run: () => this.#list('?labelSelector=shard%3D7') }
    yield { ...one, name: 'list, Table', run: () => this.#list('', table) }
    yield { ...one, name: 'list, pages of 500', run: () => this.#pages() }
    yield { ...one, kind: 'gzip', name: 'list, gzip', run: () => this.#list('', gzip) }
  }

  async #list(query: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    let bytes = 0
    const status = await this.#client.stream(
      { method: 'GET', path: `${widgetsPath}${query}`, headers },
      (chunk) => void (bytes += chunk.length),
    )
    if (status !== 200 || bytes < 1000) throw new Error(`list${query}: ${status}, ${bytes} bytes`)
  }

  async #pages(): Promise<void> {
    let token = ''
    do {
      const answer = await this.#client.must({
        method: 'GET',
        path: `${widgetsPath}?limit=500&continue=${token}`,
      })
      // Reading it whole would be the generator's work, not the server's.
      token = /"continue":"([^"]+)"/.exec(answer.toString('utf8', 0, 1000))?.[1] ?? ''
    } while (token !== '')
  }
}

function path(index: number): string {
  return `${widgetsPath}/${nameOf(index)}`
}
