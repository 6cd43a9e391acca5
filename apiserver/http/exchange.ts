import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StatusError } from '../../apimachinery/status-error.ts'
import type { Json, JsonObject } from '../../crds/meta/json.ts'
import type { RequestInfo } from './request-info.ts'

/** Who asks: the result of authentication. */
export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What only filters and handlers can tell the audit log about a request. */
export interface RequestAudit {
  /** From here on the request is made in somebody else's name. */
  impersonated(user: UserInfo): void
  /** The body of the request, decoded. */
  requested(body: Json): void
  /** What a write is about to change; the last word counts, and is forgotten when the write fails. */
  changing(before: JsonObject, after: JsonObject): void
}

/** One request on its way through filters and handlers. Filters hand on a copy with more known. */
export interface RequestContext {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly query: URLSearchParams
  readonly info: RequestInfo
  /** Undefined until authentication has run, and after it for the paths that need none. */
  readonly user: UserInfo | undefined
  /** Aborted when the client is gone, the request's time is up, or the server stops; its reason is the answer. */
  readonly signal: AbortSignal
  /** Aborts the signal. Filters share it, because signals made of other signals are costly. */
  readonly abort: (reason: StatusError) => void
  /** Texts for `Warning` headers; handlers add to them until they return. */
  readonly warnings: string[]
  /** Annotations of the audit event; handlers add to them until they return. */
  readonly annotations: Map<string, string>
  readonly auditId: string
  /** Absent when the audit log leaves the request out. */
  readonly audit?: RequestAudit
  /** The client takes gzip and is far enough away for it to pay. */
  readonly compress: boolean
}

/** What a handler answers; the outermost filter writes it. Errors are thrown as StatusError. */
export type Reply = ObjectReply | RawReply | StreamReply

/** An API object, negotiated into JSON or YAML. `json` is given when its bytes are at hand already. */
export interface ObjectReply {
  readonly type: 'object'
  readonly code: number
  readonly object: JsonObject
  readonly json?: Buffer
}

export interface RawReply {
  readonly type: 'raw'
  readonly code: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

/** A body written piece by piece: a list or a watch. */
export interface StreamReply {
  readonly type: 'stream'
  readonly code: number
  readonly headers: Readonly<Record<string, string>>
  /** Writes the whole body and ends the response; resolves once that has happened or the client is gone. */
  write(response: ServerResponse, signal: AbortSignal): Promise<void>
  /** Resolves when a watch has written what was there at its beginning: from then on it costs next to nothing. */
  readonly begun?: Promise<void>
}

export type Handler = (context: RequestContext) => Promise<Reply>

export function objectReply(object: JsonObject, code = 200, json?: Buffer): ObjectReply {
  return { type: 'object', code, object, ...(json && { json }) }
}

/** As `objectReply` for what may not need its parsed form at all. */
export function renderedReply(rendered: {
  readonly object: JsonObject
  readonly json?: Buffer
}): ObjectReply {
  if (rendered.json === undefined) return objectReply(rendered.object)
  return {
    type: 'object',
    code: 200,
    json: rendered.json,
    get object() {
      return rendered.object
    },
  }
}

export function textReply(body: string, code = 200): RawReply {
  return {
    type: 'raw',
    code,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body,
  }
}
