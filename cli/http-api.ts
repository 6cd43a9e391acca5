import { Agent, type Dispatcher, request as send } from 'undici'
import { StatusError, type StatusDetails, type StatusReason } from '../apimachinery/status-error.ts'
import { isJsonObject } from '../crds/meta/json.ts'
import type { Api, ApiRequest } from './api.ts'
import { version } from '../apimachinery/version.ts'

const maxLineBytes = 16 << 20

/** How the server is reached, as a kubeconfig says. */
export interface ServerAccess {
  readonly url: string
  readonly tls: {
    readonly ca?: Buffer
    readonly cert?: Buffer
    readonly key?: Buffer
    readonly rejectUnauthorized?: boolean
    readonly servername?: string
  }
  readonly headers: Readonly<Record<string, string>>
}

/** An `Api` over one shared HTTP/2 connection. */
export function httpApi(access: ServerAccess): Api {
  const agent = new Agent({
    connect: { ...access.tls, timeout: 10_000 },
    allowH2: true,
    headersTimeout: 60_000,
    bodyTimeout: 0,
  })
  return {
    async json(request) {
      const { statusCode, body } = await dispatch(agent, access, request)
      const text = await body.text()
      if (statusCode >= 300) throw toError(statusCode, text)
      return { status: statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
    },
    async *lines(request) {
      const { statusCode, body } = await dispatch(agent, access, request)
      if (statusCode >= 300) throw toError(statusCode, await body.text())
      yield* splitLines(body)
    },
    close: () => agent.destroy(),
  }
}

async function dispatch(
  agent: Agent,
  access: ServerAccess,
  request: ApiRequest,
): Promise<Dispatcher.ResponseData> {
  const url = new URL(access.url.replace(/\/$/, '') + request.path)
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, value)
  try {
    return await send(url, {
      dispatcher: agent,
      method: request.method,
      headers: {
        ...access.headers,
        accept: request.accept ?? 'application/json',
        'user-agent': `kvorum/${version}`,
        ...(request.body !== undefined && { 'content-type': request.contentType ?? 'application/json' }),
      },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
      ...(request.signal !== undefined && { signal: request.signal }),
    })
  } catch (error) {
    if (request.signal?.aborted === true) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new StatusError('ServiceUnavailable', `The server ${url.host} cannot be reached: ${why}`, {
      cause: error,
    })
  }
}

async function* splitLines(body: AsyncIterable<Buffer>): AsyncIterable<unknown> {
  let rest = Buffer.alloc(0)
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      yield JSON.parse(rest.subarray(0, end).toString('utf8')) as unknown
      rest = rest.subarray(end + 1)
    }
    if (rest.length > maxLineBytes)
      throw new StatusError('InternalError', 'the server sent a line without end')
  }
}

function toError(code: number, text: string): StatusError {
  try {
    const status: unknown = JSON.parse(text)
    if (isJsonObject(status) && typeof status['message'] === 'string') {
      const details = isJsonObject(status['details']) ? (status['details'] as StatusDetails) : undefined
      return new StatusError((status['reason'] ?? 'InternalError') as StatusReason, status['message'], {
        code,
        ...(details && { details }),
      })
    }
  } catch {
    // Not a Status: something between us and the server answered.
  }
  return new StatusError('InternalError', `the server answered ${code}: ${text.slice(0, 200)}`, { code })
}
