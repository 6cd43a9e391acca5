import type { Clock } from '../../clock.ts'
import type { Connection, Credentials } from './connection.ts'
import { openConnection } from './open-connection.ts'

// Tokens and certificates are renewed long before they end; a look this often notices in time and costs nothing.
const usualMaxAgeMs = 30_000
const maxAttempts = 3

/**
 * Keeps the one connection that all requests share: opens it when it is first needed, again when it was lost, and a
 * new one beside it when the client certificate has been renewed.
 */
export class Connector {
  readonly #url: URL
  readonly #load: () => Promise<Credentials>
  readonly #maxAgeMs: number
  readonly #clock: Clock
  readonly #open = new Set<Connection>()
  #credentials: { readonly value: Credentials; readonly at: number } | undefined
  #current: Promise<Connection> | undefined
  #closed = false

  /** `load` is asked again when its answer is `maxAgeMs` old. */
  constructor(url: URL, load: () => Promise<Credentials>, clock: Clock, maxAgeMs = usualMaxAgeMs) {
    this.#url = url
    this.#load = load
    this.#maxAgeMs = maxAgeMs
    this.#clock = clock
  }

  /** Rejects when the server cannot be reached, or ends every connection as soon as it is open. */
  async connection(): Promise<Connection> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (this.#closed) throw new Error('the client is closed')
      const opening = (this.#current ??= this.#connect())
      try {
        const connection = await opening
        if (connection.usable) return connection
      } catch (error) {
        this.#forget(opening)
        throw error
      }
      this.#forget(opening)
    }
    throw new Error('the server ends every connection at once')
  }

  /** Somebody else may have begun to open the next one already. */
  #forget(opening: Promise<Connection>): void {
    if (this.#current === opening) this.#current = undefined
  }

  /** Finds out whether the connection in use is still alive; a dead one is gone within `timeoutMs`. */
  probe(timeoutMs: number): void {
    this.#current?.then((connection) => connection.probe(timeoutMs)).catch(() => {})
  }

  async #connect(): Promise<Connection> {
    const connection = await openConnection(this.#url, await this.credentials(), this.#clock)
    for (const one of this.#open) if (one.closed) this.#open.delete(one)
    this.#open.add(connection)
    if (this.#closed) connection.destroy(new Error('the client is closed'))
    return connection
  }

  /** The credentials of now; `refresh` asks their source even if it was asked a moment ago. */
  async credentials(refresh = false): Promise<Credentials> {
    const known = this.#credentials
    const now = this.#clock.monotonic()
    if (!refresh && known !== undefined && now - known.at < this.#maxAgeMs) return known.value
    const value = await this.#load()
    this.#credentials = { value, at: now }
    if (known !== undefined && !sameTls(known.value, value)) this.#reconnect()
    return value
  }

  /** What is under way ends on the old connection. */
  #reconnect(): void {
    const old = this.#current
    this.#current = undefined
    old?.then((connection) => connection.retire()).catch(() => {})
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#open) connection.destroy(new Error('the client is closed'))
    this.#open.clear()
  }
}

function sameTls(a: Credentials, b: Credentials): boolean {
  return same(a.ca, b.ca) && same(a.cert, b.cert) && same(a.key, b.key) && a.serverName === b.serverName
}

function same(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.from(a).equals(Buffer.from(b))
}
