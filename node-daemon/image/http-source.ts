import { isIP } from 'node:net'
import { type Dispatcher, request } from 'undici'
import { z } from 'zod'
import { StorageDriverError } from '../storage/storage-driver.ts'
import { AddressDenied, type AddressPolicy } from './address-policy.ts'
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
  /** A source that says or turns out to be larger is refused. */
  readonly maxBytes: number
  /** Asked about addresses that URLs and redirects spell out; names are the dispatcher's. Left out, all will do. */
  readonly addresses?: Pick<AddressPolicy, 'permits'>
}

export const defaultHttpSourceOptions: HttpSourceOptions = {
  stallTimeoutMs: 30_000,
  maxRedirects: 5,
  maxResumes: 5,
  maxBytes: 1024 ** 4,
}

interface Answer {
  readonly body: AsyncIterable<Uint8Array>
  readonly status: number
  readonly headers: Headers
  discard(): Promise<void>
}

/** What identifies the content, so that a continuation is one of the same bytes. */
interface Version {
  readonly totalBytes: number | undefined
  readonly validator: string | undefined
  /** Index of the URL that it came from. */
  readonly mirror: number
}

/**
 * An image behind HTTP or HTTPS, under one or more URLs of the same bytes. The first that answers is taken. A download
 * that breaks off goes on from where it was, also in a later try, wherever the same content is still to be had.
 */
export function httpSource(urls: readonly string[], options: HttpSourceOptions): OpenSource {
  return async (signal, from) => {
    const before = readVersion(from?.version)
    const resumed =
      from &&
      before &&
      (await goOn({ urls, options, version: before }, from.offset, signal).catch(onAbort(signal)))
    const opened = resumed
      ? { answer: resumed.answer, version: { ...before, mirror: resumed.mirror } as Version }
      : await openFirst(rotated(urls, (before?.mirror ?? -1) + 1), options, signal)
    const { answer, version } = opened
    checkSize(version.totalBytes ?? 0, options)
    const offset = resumed === undefined ? 0 : (from?.offset ?? 0)
    return {
      body: resumable(answer, { urls, options, version }, offset, signal),
      totalBytes: version.totalBytes,
      offset,
      version: version.validator === undefined ? undefined : JSON.stringify(version),
    }
  }
}

interface Download {
  readonly urls: readonly string[]
  readonly options: HttpSourceOptions
  readonly version: Version
}

type Mirror = readonly [index: number, url: string]

/** All of them, beginning with the one at `first`. */
function rotated(urls: readonly string[], first: number): readonly Mirror[] {
  return urls.map((_, step) => {
    const index = (first + step) % urls.length
    return [index, urls[index] ?? ''] as const
  })
}

async function openFirst(
  mirrors: readonly Mirror[],
  options: HttpSourceOptions,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly version: Version }> {
  let failure: unknown
  for (const [mirror, url] of mirrors) {
    try {
      const answer = await fetchImage(url, {}, options, signal)
      if (answer.status === 200) return { answer, version: versionOf(answer, mirror) }
      await answer.discard()
      failure = unreachable(`${hostOf(url)} answered ${answer.status}`)
    } catch (error) {
      signal.throwIfAborted()
      failure = error
    }
  }
  throw failure
}

async function* resumable(
  first: Answer,
  download: Download,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { version, options, urls } = download
  let received = offset
  let answer = first
  let mirror = version.mirror
  const count = (bytes: number) => checkSize((received += bytes), options)
  for (let resumes = 0; ; resumes++) {
    const problem = yield* pass(answer.body, count, signal)
    const complete = version.totalBytes === undefined || received === version.totalBytes
    if (problem === undefined && complete) return
    const failure = unreachable(`${hostOf(urls[mirror] ?? '')} broke off after ${received} bytes`, problem)
    if (resumes >= options.maxResumes || version.validator === undefined) throw failure
    const next = await goOn({ ...download, version: { ...version, mirror } }, received, signal)
    if (next === undefined) throw failure
    ;({ answer, mirror } = next)
  }
}

function checkSize(bytes: number, { maxBytes }: HttpSourceOptions): void {
  if (bytes <= maxBytes) return
  throw new StorageDriverError('invalid-image', `the image is larger than the ${maxBytes} bytes allowed`)
}

/** For a try whose failure means no more than that it did not work. */
function onAbort(signal: AbortSignal): () => undefined {
  return () => {
    signal.throwIfAborted()
    return undefined
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

/** The rest of the same content, from the mirror that had it or another one; undefined when none has it. */
async function goOn(
  { urls, options, version }: Download,
  offset: number,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly mirror: number } | undefined> {
  const headers = { range: `bytes=${offset}-`, 'if-range': version.validator ?? '' }
  for (const [mirror, url] of rotated(urls, version.mirror)) {
    const answer = await fetchImage(url, headers, options, signal).catch(onAbort(signal))
    const range = answer?.headers.get('content-range') ?? ''
    const total = version.totalBytes ?? '*'
    const fits = range.startsWith(`bytes ${offset}-`) && (total === '*' || range.endsWith(`/${total}`))
    if (answer?.status === 206 && fits) return { answer, mirror }
    await answer?.discard()
  }
  return undefined
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
  { dispatcher, stallTimeoutMs, addresses }: HttpSourceOptions,
  signal: AbortSignal,
): Promise<Answer> {
  // A name is judged where it is resolved; an address in the URL is never resolved.
  const literal = literalAddress(url)
  if (literal !== undefined && addresses?.permits(literal) === false) throw denied(url)
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
      discard: async () => void response.body.on('error', () => {}).destroy(),
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AddressDenied) throw denied(url)
    throw unreachable(`${hostOf(url)} cannot be reached: ${briefly(error)}`, error)
  }
}

function redirected(from: string, location: string): string {
  const url = URL.parse(location, from)
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url.href
  throw unreachable(`${hostOf(from)} redirects to something that is neither http nor https`)
}

function denied(url: string): StorageDriverError {
  return unreachable(`${hostOf(url)} is at an address that hosts may not fetch images from`)
}

function literalAddress(url: string): string | undefined {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return isIP(host) === 0 ? undefined : host
}

const versionSchema = z.object({
  totalBytes: z.number().int().nonnegative().optional(),
  validator: z.string().optional(),
  mirror: z.number().int().nonnegative(),
})

/** What was kept of an earlier try; undefined when it cannot be gone on from. */
function readVersion(text: string | undefined): Version | undefined {
  try {
    const { data } = versionSchema.safeParse(JSON.parse(text ?? ''))
    if (data?.validator === undefined) return undefined
    return { totalBytes: data.totalBytes, validator: data.validator, mirror: data.mirror }
  } catch {
    return undefined
  }
}

function versionOf({ headers }: Answer, mirror: number): Version {
  const length = Number(headers.get('content-length') ?? Number.NaN)
  const etag = headers.get('etag')
  const ranges = headers.get('accept-ranges') === 'bytes'
  // A weak validator does not promise the same bytes.
  const strong = etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified')
  return {
    totalBytes: Number.isSafeInteger(length) && length >= 0 ? length : undefined,
    validator: ranges && strong !== null ? strong : undefined,
    mirror,
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
