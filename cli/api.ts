/** What the commands need of a server: any request, answered as JSON or as a stream of JSON lines. */
export interface Api {
  /** The answer's body. Throws a StatusError for an answer that is not 2xx. */
  json(request: ApiRequest): Promise<unknown>
  /** One value per line, until the server or `signal` ends it. */
  lines(request: ApiRequest & { readonly signal: AbortSignal }): AsyncIterable<unknown>
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
