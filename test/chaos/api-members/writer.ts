import { setTimeout } from 'node:timers/promises'
import type { Answer, MemberClient } from './client.ts'
import type { Attempt, Intent } from './history.ts'

export interface WriterOptions {
  readonly name: string
  /** The collection that it writes to. */
  readonly path: string
  /** Changes to another one when one fails. */
  readonly clients: readonly MemberClient[]
  readonly pauseMs: number
  readonly attempts: Attempt[]
}

interface Stored {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string }
}

/**
 * Creates, updates and deletes one object over and over, each time on the version that it knows, and notes what it
 * was told. After an answer that leaves open what happened, it reads the object before it goes on.
 */
export class Writer {
  readonly #options: WriterOptions
  #client = 0
  #count = 0

  constructor(options: WriterOptions, first: number) {
    this.#options = options
    this.#client = first
  }

  async run(signal: AbortSignal): Promise<void> {
    let current: Stored | undefined
    while (!signal.aborted) {
      const attempt = this.#next(current)
      this.#options.attempts.push(attempt)
      const next = await this.#carryOut(attempt, current)
      current = next === 'unclear' ? await this.#read() : next
      await setTimeout(this.#options.pauseMs * (0.5 + Math.random()))
    }
  }

  #next(current: Stored | undefined): Attempt {
    const count = ++this.#count
    const intent: Intent = !current ? 'create' : count % 10 === 0 ? 'delete' : 'update'
    const { name } = this.#options
    const base = Number(current?.metadata.resourceVersion ?? 0)
    return { key: name, intent, token: `${name}-${count}`, base, outcome: 'unknown' }
  }

  async #carryOut(attempt: Attempt, current: Stored | undefined): Promise<Stored | undefined | 'unclear'> {
    let answer: Answer
    try {
      answer = await this.#send(attempt, current)
    } catch {
      this.#turn()
      return 'unclear'
    }
    const { code, text } = answer
    if (code === 200 || code === 201) {
      attempt.outcome = 'acknowledged'
      if (attempt.intent === 'delete') return undefined
      const stored = JSON.parse(text) as Stored
      attempt.revision = Number(stored.metadata.resourceVersion)
      return stored
    }
    // Answers of a server that could not know leave it open; all others promise that nothing was written.
    if (code < 500) attempt.outcome = 'refused'
    else this.#turn()
    return 'unclear'
  }

  #send({ intent, token }: Attempt, current: Stored | undefined): Promise<Answer> {
    const { path, name } = this.#options
    const metadata = { name, ...(current && { resourceVersion: current.metadata.resourceVersion }) }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { token } }
    switch (intent) {
      case 'create':
        return this.#api.send('POST', path, object)
      case 'update':
        return this.#api.send('PUT', `${path}/${name}`, object)
      case 'delete': {
        const { uid, resourceVersion } = current?.metadata ?? {}
        const preconditions = { uid, resourceVersion }
        return this.#api.send('DELETE', `${path}/${name}`, {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions,
        })
      }
    }
  }

  async #read(): Promise<Stored | undefined> {
    const { path, name } = this.#options
    for (;;) {
      try {
        const { code, text } = await this.#api.send('GET', `${path}/${name}`)
        if (code === 200) return JSON.parse(text) as Stored
        if (code === 404) return undefined
      } catch {
        // Another one may be there.
      }
      this.#turn()
      await setTimeout(100)
    }
  }

  get #api(): MemberClient {
    const client = this.#options.clients[this.#client % this.#options.clients.length]
    if (!client) throw new Error('a writer needs somebody to write to')
    return client
  }

  #turn(): void {
    this.#client++
  }
}
