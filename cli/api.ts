/** What the commands need of a server: any request, answered as JSON, as text or as a stream. */
export interface Api {
  /** The answer's body. Throws a StatusError for an answer that is not 2xx. */
  json(request: ApiRequest): Promise<unknown>
  /** The answer's body as it came, for what is not JSON. */
  text(request: ApiRequest): Promise<string>
  /** One value per line, until the server or `signal` ends it. */
  lines(request: ApiRequest & { readonly signal: AbortSignal }): AsyncIterable<unknown>
  /** The answer's body as it arrives, until the server or `signal` ends it. */
  bytes(request: ApiRequest & { readonly signal: AbortSignal }): AsyncIterable<Buffer>
  close(): Promise<void>
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly accept?: string
  readonly contentType?: string
  readonly body?: object
  readonly signal?: AbortSignal
}
