import { setTimeout } from 'node:timers/promises'
import type { MemberClient } from './client.ts'
import { Seen, type Change } from './history.ts'

interface WatchEvent {
  readonly type: Change['type'] | 'BOOKMARK' | 'ERROR'
  readonly object: {
    readonly metadata?: { readonly name?: string; readonly resourceVersion?: string }
    readonly data?: { readonly token?: string }
    readonly message?: string
  }
}

/** Watches a collection for ever: after each end it goes on at another server, right after what it saw last. */
export class Watcher {
  readonly seen = new Seen()
  /** What no client that goes on from where it was may be told, such as that its place is lost. */
  readonly faults: string[] = []
  #revision: number

  constructor(revision: number) {
    this.#revision = revision
  }

  /** Everything up to here has been told. */
  get revision(): number {
    return this.#revision
  }

  async run(
    path: string,
    clients: readonly MemberClient[],
    first: number,
    signal: AbortSignal,
  ): Promise<void> {
    for (let turn = first; !signal.aborted; turn++) {
      const client = clients[turn % clients.length]
      if (!client) return
      try {
        await this.#watch(client, path, signal)
      } catch {
        // The server is gone: on to the next.
      }
      if (!signal.aborted) await setTimeout(50 + 100 * Math.random())
    }
  }

  async #watch(client: MemberClient, path: string, signal: AbortSignal): Promise<void> {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${this.#revision}`
    const { code, stream } = await client.open('GET', `${path}?${query}`, undefined, signal)
    if (code === 410) this.faults.push(`410 for a watch from ${this.#revision}`)
    if (code !== 200) return void stream.destroy()
    let rest = ''
    for await (const chunk of stream.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#take(JSON.parse(line) as WatchEvent)
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') return void this.faults.push(`${object.message} for a watch at ${this.#revision}`)
    const { name: key = '', resourceVersion } = object.metadata ?? {}
    const revision = Number(resourceVersion)
    if (type !== 'BOOKMARK') {
      this.seen.add({ type, key, revision, token: object.data?.token ?? '' })
    } else if (revision < this.#revision) {
      this.faults.push(`a bookmark at ${revision} behind ${this.#revision}`)
    }
    this.#revision = revision
  }
}
