/** One HTTP request as it goes out. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Takes the request back, before or after the answer has begun. */
  readonly signal: AbortSignal
}

/** An answer whose body is still to be read. Leaving the loop over the body ends the exchange. */
export interface WireResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AsyncIterable<Buffer>
}

/** A way to one server that carries any number of requests at a time. */
export interface Connection {
  /** False once the server or the network has ended it, or `retire` was called. */
  readonly usable: boolean
  /** True once nothing is under way any more and nothing can be. */
  readonly closed: boolean
  /** Resolves with the head of the answer; rejects when there is none. */
  send(request: WireRequest): Promise<WireResponse>
  /** Asks the other end for a sign of life and destroys the connection when none comes within `timeoutMs`. */
  probe(timeoutMs: number): void
  /** Takes no more requests; ends with the last one under way. */
  retire(): void
  destroy(why: Error): void
}

/** What TLS and HTTP need to know to get in. */
export interface Credentials {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** Name that the server's certificate must carry, when it is not the host of the URL. */
  readonly serverName?: string
  readonly insecureSkipTlsVerify?: boolean
  /** `authorization`, `impersonate-user`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** The server refused the request before looking at it, so that it may be sent again. */
export class RequestRefusedError extends Error {
  override readonly name = 'RequestRefusedError'
}
