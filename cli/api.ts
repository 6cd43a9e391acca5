/** What the commands need of a server: any request, answered as JSON or as a stream of JSON lines. */
export interface Api {
  /** Throws a StatusError for an answer that is not 2xx. `status` tells 200 from 201. */
  json(request: ApiRequest): Promise<{ readonly status: number; readonly body: unknown }>
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
