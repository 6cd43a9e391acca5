import type { ServerResponse } from 'node:http'
import { gzip } from 'node:zlib'
import { stringify } from 'yaml'
import type { ObjectReply, RawReply, Reply, RequestContext } from './exchange.ts'
import { isTrue } from './request-info.ts'
import { parseAccept } from './media-types.ts'

/** Below this, compressing costs more time than it saves. */
const gzipFromBytes = 128 * 1024

/** Writes a reply with the headers every answer carries. Never throws: a client that is gone is not an error. */
export async function writeReply(context: RequestContext, reply: Reply): Promise<void> {
  const { response, signal } = context
  if (response.destroyed || response.headersSent) return
  setCommonHeaders(context)
  switch (reply.type) {
    case 'object':
      return await writeObject(context, reply)
    case 'raw':
      return await writeRaw(context, reply)
    case 'stream':
      response.writeHead(reply.code, { ...reply.headers })
      return await reply.write(response, signal)
  }
}

function setCommonHeaders({ response, auditId, warnings }: RequestContext): void {
  response.setHeader('audit-id', auditId)
  response.setHeader('cache-control', 'no-cache, private')
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      [...new Set(warnings)].map((text) => `299 - "${quoteWarning(text)}"`),
    )
  }
}

function quoteWarning(text: string): string {
  // A header holds visible ASCII only; anything else would make the response fail.
  return text
    .replaceAll(/[\\"]/g, '\\$&')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 256 * 8)
}

async function writeObject(context: RequestContext, reply: ObjectReply): Promise<void> {
  const { code, json } = reply
  const wantsYaml = parseAccept(context.request.headers.accept)[0]?.type === 'application/yaml'
  let body: Buffer
  if (wantsYaml) body = Buffer.from(stringify(reply.object))
  else if (wantsIndent(context)) body = Buffer.from(JSON.stringify(reply.object, undefined, 2))
  else body = json ?? Buffer.from(JSON.stringify(reply.object))
  const type = wantsYaml ? 'application/yaml' : 'application/json'
  await writeRaw(context, { type: 'raw', code, headers: { 'content-type': type }, body })
}

/** As asked for, or for people: browsers and the like get text that can be read. */
function wantsIndent({ query, request }: RequestContext): boolean {
  const pretty = query.get('pretty')
  if (pretty !== null) return isTrue(pretty)
  return /^(curl|Wget|Mozilla\/5\.0)/.test(request.headers['user-agent'] ?? '')
}

async function writeRaw(
  { request, response, compress: mayCompress }: RequestContext,
  reply: RawReply,
): Promise<void> {
  let body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
  const headers: Record<string, string | number> = { ...reply.headers }
  if (mayCompress && body.length >= gzipFromBytes) {
    body = await compress(body)
    headers['content-encoding'] = 'gzip'
    headers['vary'] =
      headers['vary'] === undefined ? 'Accept-Encoding' : `${headers['vary']}, Accept-Encoding`
  }
  if (reply.code !== 304) headers['content-length'] = body.length
  response.writeHead(reply.code, headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}

function compress(body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(body, { level: 1 }, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** Waits until the response takes more, is closed, or the signal is aborted. */
export function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted || response.destroyed) return resolve()
    response.on('drain', done).on('close', done)
    signal.addEventListener('abort', done, { once: true })
  })
}
