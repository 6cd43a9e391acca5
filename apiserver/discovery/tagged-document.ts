import { createHash } from 'node:crypto'
import type { RawReply, RequestContext } from '../http/exchange.ts'

/** A document that is served many times: its bytes, and a tag that changes when they do. */
export interface TaggedDocument {
  readonly body: Buffer
  readonly contentType: string
  /** Upper-case hex of the SHA-512. */
  readonly hash: string
}

export function taggedDocument(body: Buffer | string, contentType: string): TaggedDocument {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { body: bytes, contentType, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase() }
}

/** The document, or 304 when the client has it already. */
export function replyWithDocument(
  { request }: RequestContext,
  { body, contentType, hash }: TaggedDocument,
  headers: Readonly<Record<string, string>> = {},
): RawReply {
  const etag = `"${hash}"`
  const common = { etag, vary: 'Accept', ...headers }
  const known = String(request.headers['if-none-match'] ?? '')
  if (known.split(',').some((tag) => tag.trim() === etag)) {
    return { type: 'raw', code: 304, headers: common, body: '' }
  }
  return { type: 'raw', code: 200, headers: { ...common, 'content-type': contentType }, body }
}
