import { type Dispatcher, request } from 'undici'
import type { OpenSource } from './image-source.ts'
import { unreachable } from './unreachable.ts'

export interface HttpSourceOptions {
  /** Connections, and with them proxies and trusted authorities. Left out, the process's own. */
  readonly dispatcher?: Dispatcher
  /** Silence after which a server counts as gone. */
  readonly stallTimeoutMs: number
  readonly maxRedirects: number
  /** How often a download that broke off goes on from where it was. */
  readonly maxResumes: number
}

export const defaultHttpSourceOptions: HttpSourceOptions = {
  stallTimeoutMs: 30_000,
  maxRedirects: 5,
  maxResumes: 5,
}

interface Answer {
  readonly body: AsyncIterable<Uint8Array>
  readonly status: number
  readonly headers: Headers
  /** After redirects. */
  readonly url: string
  discard(): Promise<void>
}

/** What identifies the content, so that a continuation is one of the same bytes. */
interface Version {
  readonly totalBytes: number | undefined
  readonly validator: string | undefined
}

/**
 * An image behind HTTP or HTTPS. A download that breaks off goes on from where it was, when the server can do that and
 * still has the same content.
 */
export function httpSource(url: string, options: HttpSourceOptions): OpenSource {
  return async (signal) => {
    const first = await fetchImage(url, {}, options, signal)
    if (first.status !== 200) {
      await first.discard()
      throw unreachable(`${hostOf(url)} answered ${first.status}`)
    }
    const version = versionOf(first)
    return { body: resumable(first, version, options, signal), totalBytes: version.totalBytes }
  }
}

async function* resumable(
  first: Answer,
  version: Version,
  options: HttpSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let received = 0
  let answer = first
  for (let resumes = 0; ; resumes++) {
    const problem = yield* pass(answer.body, (bytes) => (received += bytes), signal)
    const complete = version.totalBytes === undefined || received === version.totalBytes
    if (problem === undefined && complete) return
    const failure = unreachable(`${hostOf(first.url)} broke off after ${received} bytes`, problem)
    if (resumes >= options.maxResumes || version.validator === undefined) throw failure
    answer = await resume(first.url, received, { version, options, failure }, signal)
  }
}

/** Hands the bytes on; answers the error with which they ended, if any. */
async function* pass(
  body: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, unknown> {
  const chunks = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>
      try {
        next = await chunks.next()
      } catch (error) {
        signal.throwIfAborted()
        return error
      }
      if (next.done === true) return undefined
      count(next.value.length)
      yield next.value
    }
  } finally {
    await chunks.return?.()
  }
}

async function resume(
  url: string,
  offset: number,
  context: { readonly version: Version; readonly options: HttpSourceOptions; readonly failure: Error },
  signal: AbortSignal,
): Promise<Answer> {
  const headers = { range: `bytes=${offset}-`, 'if-range': context.version.validator ?? '' }
  const answer = await fetchImage(url, headers, context.options, signal)
  const starts = answer.headers.get('content-range')?.startsWith(`bytes ${offset}-`) === true
  if (answer.status === 206 && starts) return answer
  await answer.discard()
  throw context.failure
}

async function fetchImage(
  start: string,
  headers: Record<string, string>,
  options: HttpSourceOptions,
  signal: AbortSignal,
): Promise<Answer> {
  let url = start
  for (let redirects = 0; redirects <= options.maxRedirects; redirects++) {
    const answer = await send(url, headers, options, signal)
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null
    if (location === null) return answer
    await answer.discard()
    url = redirected(url, location)
  }
  throw unreachable(`${hostOf(start)} redirects more than ${options.maxRedirects} times`)
}

async function send(
  url: string,
  headers: Record<string, string>,
  { dispatcher, stallTimeoutMs }: HttpSourceOptions,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const response = await request(url, {
      // Compression on the way would change what the checksum is about.
      headers: { ...headers, 'accept-encoding': 'identity', 'user-agent': 'kvorum' },
      headersTimeout: stallTimeoutMs,
      bodyTimeout: stallTimeoutMs,
      signal,
      ...(dispatcher && { dispatcher }),
    })
    return {
      body: response.body as AsyncIterable<Uint8Array>,
      status: response.statusCode,
      headers: flat(response.headers),
      url,
      discard: async () => void response.body.on('error', () => {}).destroy(),
    }
  } catch (error) {
    signal.throwIfAborted()
    throw unreachable(`${hostOf(url)} cannot be reached: ${briefly(error)}`, error)
  }
}

function redirected(from: string, location: string): string {
  const url = URL.parse(location, from)
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url.href
  throw unreachable(`${hostOf(from)} redirects to something that is neither http nor https`)
}

function versionOf({ headers }: Answer): Version {
  const length = Number(headers.get('content-length') ?? Number.NaN)
  const etag = headers.get('etag')
  const ranges = headers.get('accept-ranges') === 'bytes'
  // A weak validator does not promise the same bytes.
  const strong = etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified')
  return {
    totalBytes: Number.isSafeInteger(length) && length >= 0 ? length : undefined,
    validator: ranges && strong !== null ? strong : undefined,
  }
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const result = new Headers()
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) result.set(name, [value].flat().join(', '))
  return result
}

/** Without user, password and query, which may be secret. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'the source'
}

function briefly(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code === '' ? 'the request failed' : code
}
