import type { KubeObject, Stored } from '../../crds/meta/object-meta.ts'
import { isJsonObject } from '../../crds/meta/json.ts'
import { type Clock, systemClock } from '../clock.ts'
import { hasReason, StatusError } from '../status-error.ts'
import {
  type ApiResource,
  type CallOptions,
  type Client,
  type DeleteOptions,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.ts'
import type { Credentials } from './http/connection.ts'
import { readLines, ResponseTooLargeError } from './http/body.ts'
import { Connector } from './http/connector.ts'
import { Exchange } from './http/exchange.ts'
import { errorOf, statusIn } from './http/failure.ts'
import { collectionPath, objectPath, withQuery } from './http/resource-path.ts'

/** Where a server is and how to get in; `loadConfig` reads one from a kubeconfig. */
export interface ClientConfig {
  /** `https://host:port`, or `http:` for a local proxy; a path is put before every request's. */
  readonly server: string
  /** Asked at start, every half minute and after a 401, so that renewed tokens and certificates are taken up. */
  readonly credentials: () => Promise<Credentials>
  /** How long an answer of `credentials` is good; half a minute. 0 where asking costs nothing. */
  readonly credentialsMaxAgeMs?: number
}

export interface HttpClientOptions {
  readonly clock?: Clock
  /** Until a request is answered in full, and until a watch is accepted; 30 s. */
  readonly timeoutMs?: number
  /** `User-Agent`, and so the field manager where none is given. */
  readonly userAgent?: string
  readonly random?: () => number
}

const pageSize = 500
const maxAnswerBytes = 256 << 20
const maxObjectBytes = 16 << 20
const maxListRestarts = 3

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** A Client of a real server, over one HTTP/2 connection. Nothing is sent before the first call. */
export function httpClient(config: ClientConfig, options: HttpClientOptions = {}): Client {
  return new HttpClient(config, options)
}

class HttpClient implements Client {
  readonly #connector: Connector
  readonly #exchange: Exchange
  readonly #timeoutMs: number
  readonly #random: () => number

  constructor(config: ClientConfig, options: HttpClientOptions) {
    const { clock = systemClock, timeoutMs = 30_000, userAgent = 'kvorum', random = Math.random } = options
    const url = new URL(config.server)
    this.#connector = new Connector(url, config.credentials, clock, config.credentialsMaxAgeMs)
    const pathPrefix = url.pathname.replace(/\/+$/, '')
    this.#exchange = new Exchange({ connector: this.#connector, clock, userAgent, pathPrefix })
    this.#timeoutMs = timeoutMs
    this.#random = random
  }

  async get<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    options: CallOptions = {},
  ): Promise<Stored<T>> {
    const path = objectPath(resource, key)
    return this.#object(resource, { method: 'GET', path, signal: options.signal })
  }

  async list<T extends KubeObject>(
    resource: ApiResource<T>,
    options: ListOptions = {},
  ): Promise<ObjectList<T>> {
    for (let attempt = 0; attempt < maxListRestarts; attempt++) {
      try {
        return await this.#pages(resource, options, pageSize)
      } catch (error) {
        // The version that the pages are read at is forgotten when reading them takes too long: begin again.
        if (!hasReason(error, 'Expired', 'Gone')) throw error
      }
    }
    return this.#pages(resource, options, undefined)
  }

  async #pages<T extends KubeObject>(
    resource: ApiResource<T>,
    options: ListOptions,
    limit: number | undefined,
  ): Promise<ObjectList<T>> {
    const items: Stored<T>[] = []
    let next: string | undefined
    for (;;) {
      const page = await this.#page(resource, options, { limit, continue: next })
      for (const item of page.items) items.push(typed(resource, item))
      if (page.next === undefined) return { items, resourceVersion: page.resourceVersion }
      next = page.next
    }
  }

  async #page<T extends KubeObject>(
    resource: ApiResource<T>,
    options: ListOptions,
    query: { limit: number | undefined; continue: string | undefined },
  ): Promise<{ items: Stored<T>[]; resourceVersion: string; next: string | undefined }> {
    const { labelSelector, fieldSelector, namespace, signal } = options
    const path = withQuery(collectionPath(resource, namespace), { labelSelector, fieldSelector, ...query })
    const answer = await this.#exchange.json(
      { method: 'GET', path, timeoutMs: this.#timeoutMs, signal },
      maxAnswerBytes,
    )
    if (!isJsonObject(answer) || !isJsonObject(answer['metadata'])) throw unexpected(path)
    const { resourceVersion, continue: next } = answer['metadata']
    const items = answer['items'] ?? []
    if (!Array.isArray(items) || typeof resourceVersion !== 'string') throw unexpected(path)
    return {
      items: items as unknown as Stored<T>[],
      resourceVersion,
      next: typeof next === 'string' && next !== '' ? next : undefined,
    }
  }

  async *watch<T extends KubeObject>(
    resource: ApiResource<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal, namespace, labelSelector, fieldSelector, resourceVersion } = options
    if (signal.aborted) return
    // Spread, so that the watches of a whole installation do not end together for ever.
    const timeoutSeconds = Math.round(300 + this.#random() * 300)
    const path = withQuery(collectionPath(resource, namespace), {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      labelSelector,
      fieldSelector,
      timeoutSeconds,
    })
    try {
      const body = await this.#exchange.stream({ method: 'GET', path, timeoutMs: this.#timeoutMs, signal })
      options.onOpen?.()
      for await (const line of readLines(body, maxObjectBytes)) {
        const event = eventIn(resource, line)
        if (signal.aborted) return
        if (event !== undefined) yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ResponseTooLargeError) {
        throw new StatusError('InternalError', error.message, { cause: error })
      }
      throw error
    }
  }

  async create<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    const { namespace } = object.metadata
    if (resource.namespaced)
      objectPath(resource, { name: 'any', ...(namespace !== undefined && { namespace }) })
    const path = withQuery(collectionPath(resource, namespace), writeQuery(options))
    return this.#object(resource, { method: 'POST', path, body: object, signal: options.signal })
  }

  async update<T extends KubeObject>(
    resource: ApiResource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    const path = withQuery(objectPath(resource, object.metadata, options.subresource), writeQuery(options))
    return this.#object(resource, { method: 'PUT', path, body: object, signal: options.signal })
  }

  async patch<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    patch: { readonly type: 'merge' | 'json' | 'apply'; readonly body: object; readonly force?: boolean },
    options: WriteOptions = {},
  ): Promise<Stored<T>> {
    const path = withQuery(objectPath(resource, key, options.subresource), {
      ...writeQuery(options),
      force: patch.type === 'apply' && patch.force === true,
    })
    const contentType = patchTypes[patch.type]
    return this.#object(resource, {
      method: 'PATCH',
      path,
      contentType,
      body: patch.body,
      signal: options.signal,
    })
  }

  async delete<T extends KubeObject>(
    resource: ApiResource<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { preconditions, propagationPolicy, signal } = options
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions, propagationPolicy }
    const path = objectPath(resource, key)
    await this.#exchange.json(
      { method: 'DELETE', path, body, timeoutMs: this.#timeoutMs, signal },
      maxObjectBytes,
    )
  }

  async close(): Promise<void> {
    this.#connector.close()
  }

  async #object<T extends KubeObject>(
    resource: ApiResource<T>,
    request: Omit<Parameters<Exchange['json']>[0], 'timeoutMs'>,
  ): Promise<Stored<T>> {
    const answer = await this.#exchange.json({ ...request, timeoutMs: this.#timeoutMs }, maxObjectBytes)
    if (!isJsonObject(answer) || !isJsonObject(answer['metadata'])) throw unexpected(request.path)
    return typed(resource, answer as unknown as Stored<T>)
  }
}

function writeQuery({ fieldManager, dryRun }: WriteOptions) {
  return { fieldManager, dryRun: dryRun === true ? 'All' : undefined }
}

/** Items of lists do not say what they are; everybody downstream may rely on it. */
function typed<T extends KubeObject>(resource: ApiResource<T>, object: Stored<T>): Stored<T> {
  object.apiVersion ??= resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
  object.kind ??= resource.kind
  return object
}

/** Undefined for an event of a type that did not exist when this was written. */
function eventIn<T extends KubeObject>(resource: ApiResource<T>, line: Buffer): WatchEvent<T> | undefined {
  const event = parsed(line)
  if (!isJsonObject(event) || !isJsonObject(event['object'])) throw malformed()
  const { type, object } = event
  if (type === 'ERROR') throw errorOf(statusIn(object) ?? { message: 'the watch failed' })
  const stored = object as unknown as Stored<T>
  const version: unknown = stored.metadata?.resourceVersion
  if (typeof version !== 'string') throw malformed()
  if (type === 'BOOKMARK') return { type, resourceVersion: version }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return undefined
  return { type, object: typed(resource, stored) }
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8')) as unknown
  } catch (error) {
    throw malformed(error)
  }
}

const malformed = (cause?: unknown) =>
  new StatusError('InternalError', 'the watch sent a line that is not an event', { cause })
const unexpected = (path: string) =>
  new StatusError('InternalError', `${path.split('?')[0]}: the answer is not what the API promises`)
