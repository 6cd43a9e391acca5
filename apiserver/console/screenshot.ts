import { request, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { StatusError, type StatusReason } from '../../apimachinery/status-error.ts'
import type { AdmitConnect } from '../admission/admit-connect.ts'
import type { RawReply, Reply, RequestContext } from '../http/exchange.ts'
import type { RequestInfo } from '../http/request-info.ts'
import { type ConsoleDeps, findDaemon } from './console-upgrade.ts'

export interface ScreenshotDeps extends Pick<ConsoleDeps, 'read' | 'dial'> {
  /** Asked before the host is. */
  readonly admit: AdmitConnect
}

// As much as a daemon sends at most; a PNG of an ordinary screen has some kilobytes.
const maxImageBytes = 64 * 1024 ** 2
const maxMessageBytes = 64 * 1024
const takeMs = 20_000

/** Answers `GET virtualmachineinstances/<name>/screenshot` with what the host's daemon says: a PNG, or why not. */
export function screenshotHandler(deps: ScreenshotDeps): (context: RequestContext) => Promise<Reply> {
  return async ({ info, user, signal: gone }) => {
    if (info.verb !== 'get')
      throw new StatusError('MethodNotAllowed', 'screenshots can only be read: ask with GET')
    if (user === undefined) throw new StatusError('Unauthorized', 'Unauthorized')
    const signal = AbortSignal.any([gone, AbortSignal.timeout(takeMs)])
    await deps.admit(user, info, signal)
    const address = await findDaemon(deps, info, signal)
    if (deps.dial === undefined)
      throw new StatusError(
        'ServiceUnavailable',
        'this API server has no client certificate for node daemons',
      )
    try {
      const connection = await deps.dial(address, signal)
      return await ask(connection, info, signal)
    } catch (error) {
      gone.throwIfAborted()
      if (error instanceof StatusError) throw error
      const message = `the daemon of host ${address.host} gives no screenshot`
      throw new StatusError('ServiceUnavailable', message, { cause: error })
    }
  }
}

async function ask(
  connection: Duplex,
  { namespace, name }: RequestInfo,
  signal: AbortSignal,
): Promise<RawReply> {
  try {
    const path = `/v1alpha1/namespaces/${encodeURIComponent(namespace)}/virtualmachineinstances/${encodeURIComponent(name)}/screenshot`
    const response = await get(connection, path, signal)
    if (response.statusCode !== 200) throw refusal(await readBounded(response, maxMessageBytes))
    const body = await readBounded(response, maxImageBytes)
    const headers = {
      'content-type': 'image/png',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    }
    return { type: 'raw', code: 200, headers, body }
  } finally {
    connection.destroy()
  }
}

function get(connection: Duplex, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'node-daemon', connection: 'close' }
    const asked = request({ path, headers, signal, createConnection: () => connection })
    asked.once('response', resolve)
    asked.once('error', reject)
    asked.end()
  })
}

async function readBounded(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

/** What the daemon said, as this server's own answer; only reasons that a daemon may have are taken over. */
function refusal(body: Buffer): Error {
  let status: { readonly reason?: unknown; readonly message?: unknown }
  try {
    status = JSON.parse(body.toString('utf8')) as typeof status
  } catch {
    return new Error('the answer is no Status')
  }
  const reasons: readonly StatusReason[] = ['BadRequest', 'NotFound', 'ServiceUnavailable']
  const reason = reasons.find((one) => one === status.reason)
  if (reason === undefined || typeof status.message !== 'string')
    return new Error(`the daemon refused: ${String(status.reason)}`)
  return new StatusError(reason, status.message)
}
