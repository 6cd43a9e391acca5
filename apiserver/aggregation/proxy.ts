import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { StatusError } from '../../apimachinery/status-error.ts'
import type { Reply, RequestContext, UserInfo } from '../http/exchange.ts'
import { drained } from '../http/write-reply.ts'
import { socketText } from '../webhook/webhook-error.ts'
import type { RemoteService } from './remote-service.ts'

/** Headers that are about one connection, and those that would let a client name itself. */
const ownHeaders =
  /^(:.*|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|expect|authorization|impersonate-.*|x-remote-.*|x-forwarded-.*)$/

/** Sends a request on to the server behind an APIService, in the name of its user, and its answer back as it comes. */
export async function proxyRequest(service: RemoteService, context: RequestContext): Promise<Reply> {
  const { request, method, user, signal, info } = context
  if (!user) throw new StatusError('InternalError', 'missing user')
  const headers = { ...passedOn(request.headers), ...userHeaders(user), ...originHeaders(request) }
  const body = method === 'GET' || method === 'HEAD' ? undefined : request
  const target = { method, path: request.url ?? '/', headers }
  const answer = await service.send(target, body, signal).catch((error: unknown) => {
    if (signal.aborted) throw signal.reason as Error
    const text = `error trying to reach service: ${socketText(error)}`
    throw new StatusError('ServiceUnavailable', text, { cause: error })
  })
  const code = answer.statusCode ?? 502
  if (code >= 300 && code < 400 && code !== 304) {
    answer.destroy()
    const text = 'the backend attempted to redirect this request, which is not permitted'
    throw new StatusError('ServiceUnavailable', text, { code: 502 })
  }
  return {
    type: 'stream',
    code,
    headers: passedOn(answer.headers),
    write: (response, writing) => copyBody(answer, response, writing),
    // What it costs to begin a watch is spent over there.
    ...(info.verb === 'watch' && { begun: Promise.resolve() }),
  }
}

function passedOn(headers: IncomingMessage['headers']): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (ownHeaders.test(name) || value === undefined) continue
    passed[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return passed
}

function userHeaders({ name, uid, groups, extra = {} }: UserInfo): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { 'x-remote-user': headerText(name) }
  if (uid) headers['x-remote-uid'] = headerText(uid)
  if (groups.length > 0) headers['x-remote-group'] = groups.map(headerText)
  for (const [key, values] of Object.entries(extra)) {
    headers[`x-remote-extra-${escapeKey(key)}`] = values.map(headerText)
  }
  return headers
}

/** Header names are tokens; every other byte is percent-encoded, as Kubernetes' readers expect. */
function escapeKey(key: string): string {
  return [...Buffer.from(key.toLowerCase())]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[a-z0-9!#$&'*+.^_`|~-]/.test(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

/** Node takes a header as Latin-1; these are the bytes of UTF-8. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/[\r\n\0]/g, ' ')).toString('latin1')
}

function originHeaders({ socket }: IncomingMessage): OutgoingHttpHeaders {
  const address = socket?.remoteAddress
  return address === undefined ? {} : { 'x-forwarded-for': address }
}

/** At the client's speed, each piece as it comes: a watch has to arrive line by line. */
async function copyBody(
  answer: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const stop = () => answer.destroy()
  signal.addEventListener('abort', stop, { once: true })
  response.flushHeaders()
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (signal.aborted || response.destroyed) break
      if (!response.write(chunk)) await drained(response, signal)
    }
    if (answer.complete) response.end()
    else response.destroy()
  } catch {
    // An answer that broke off must not look like a whole one.
    response.destroy()
  } finally {
    signal.removeEventListener('abort', stop)
    answer.destroy()
  }
}
