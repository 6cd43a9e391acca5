import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../apimachinery/log.ts'
import { badRequest, notFound, StatusError } from '../../apimachinery/status-error.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { AdmitConnect } from '../admission/admit-connect.ts'
import type { Auditor } from '../audit/auditor.ts'
import { UpgradeAudit } from '../audit/upgrade-audit.ts'
import { attributesOf, forbiddenText, type Authorizer } from '../authorization/authorizer.ts'
import type { Authenticate } from '../filters/authentication.ts'
import { parseRequestInfo, type RequestInfo } from '../http/request-info.ts'
import { type DaemonAddress, daemonAddress, holderOf, runOf } from './daemon-address.ts'

export interface ConsoleDeps {
  readonly authenticate: Authenticate
  readonly authorizer: Authorizer
  /** Undefined: nothing is written down. */
  readonly auditor?: Auditor | undefined
  /** Asked when the authorizer has let somebody through. */
  readonly admit?: AdmitConnect
  /** An object of `kvorum.dev/v1alpha1` as it is now. */
  readonly read: (
    plural: string,
    key: { namespace?: string; name: string },
    signal: AbortSignal,
  ) => Promise<JsonObject | undefined>
  /** A connection to a daemon, TLS and client certificate included; undefined where none was configured. */
  readonly dial: ((address: DaemonAddress, signal: AbortSignal) => Promise<Duplex>) | undefined
  readonly log: Logger
}

const findMs = 10_000
const streams = [
  'virtualmachineinstances/console',
  'virtualmachineinstances/vnc',
  'images/upload',
  'disks/download',
]

/**
 * Answers upgrade requests for the streams of machines, images and disks: finds out who asks and whether they may, looks
 * up the host that has it, hands the request on to that host's daemon and then only moves bytes. What the two ends
 * speak (WebSocket) is not looked into.
 */
export function consoleUpgrade(
  deps: ConsoleDeps,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    tunnel(deps, request, socket, head).catch((error: unknown) => {
      if (!(error instanceof StatusError))
        deps.log.error('Opening a console failed', { error, path: request.url })
      refuse(
        socket,
        error instanceof StatusError
          ? error
          : new StatusError('InternalError', 'the console could not be opened'),
      )
    })
  }
}

async function tunnel(
  deps: ConsoleDeps,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const signal = AbortSignal.timeout(findMs)
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  const info = streamInfo(path)
  const trail = await beginAudit(deps, request, info)
  try {
    const upstream = await connect(deps, trail.context, signal)
    upstream.write(upgradeRequest(request, info))
    if (head.length > 0) upstream.write(head)
    trail.opened(socket)
    join(socket, upstream)
  } catch (error) {
    trail.failed(error)
    throw error
  }
}

/** What is asked for, with the verb that it takes. Throws BadRequest for what is no stream. */
function streamInfo(path: string): RequestInfo {
  const read = parseRequestInfo('GET', path, new URLSearchParams())
  const stream = `${read.resource}/${read.subresource}`
  if (read.group !== 'kvorum.dev' || !streams.includes(stream))
    throw badRequest(`nothing at ${JSON.stringify(path.slice(0, 200))} can be upgraded`)
  // A WebSocket begins with a GET, but whoever may only read is not to bring an image.
  return stream === 'images/upload' ? parseRequestInfo('POST', path, new URLSearchParams()) : read
}

/** Finds out who asks, and lets the audit log know; throws Unauthorized. */
async function beginAudit(
  { authenticate, auditor }: ConsoleDeps,
  request: IncomingMessage,
  info: RequestInfo,
): Promise<UpgradeAudit> {
  const context = { request, info, auditId: randomUUID(), annotations: new Map<string, string>() }
  try {
    return new UpgradeAudit(auditor, { ...context, user: await authenticate(request) })
  } catch (error) {
    auditor?.begin({ ...context, user: undefined })?.unauthenticated('Authentication failed', 401)
    throw error
  }
}

async function connect(
  deps: ConsoleDeps,
  context: UpgradeAudit['context'],
  signal: AbortSignal,
): Promise<Duplex> {
  const { info } = context
  await authorize(deps, context, signal)
  const address = await findDaemon(deps, info, signal)
  if (deps.dial === undefined) {
    throw new StatusError(
      'ServiceUnavailable',
      'this API server has no client certificate for node daemons: see --kubelet-client-certificate',
    )
  }
  return await deps.dial(address, signal).catch((error: unknown) => {
    throw new StatusError('ServiceUnavailable', `the daemon of host ${address.host} does not answer`, {
      cause: error,
    })
  })
}

async function authorize(
  { authorizer, admit }: ConsoleDeps,
  { user, info, annotations }: UpgradeAudit['context'],
  signal: AbortSignal,
): Promise<void> {
  const attributes = attributesOf(user, info)
  const { allowed, reason } = await authorizer.authorize(attributes, signal)
  annotations.set('authorization.k8s.io/decision', allowed ? 'allow' : 'forbid')
  annotations.set('authorization.k8s.io/reason', reason)
  if (!allowed) throw new StatusError('Forbidden', forbiddenText(attributes, reason))
  await admit?.(user, info, signal)
}

/** The daemon of the host that has what the request names. Throws a StatusError that says why there is none. */
export async function findDaemon(
  { read }: Pick<ConsoleDeps, 'read'>,
  { namespace, name, resource }: RequestInfo,
  signal: AbortSignal,
): Promise<DaemonAddress> {
  const object = await read(resource, { namespace, name }, signal)
  if (object === undefined) throw notFound({ group: 'kvorum.dev', resource }, name)
  const hostName = resource === 'virtualmachineinstances' ? runningOn(object, name) : keptOn(object, name)
  const host = await read('hosts', { name: hostName }, signal)
  const address = host && daemonAddress(hostName, host)
  if (address === undefined)
    throw new StatusError(
      'ServiceUnavailable',
      `host ${hostName} does not say where its daemon serves consoles`,
    )
  return address
}

function runningOn(object: JsonObject, name: string): string {
  const { hostName, phase = 'Pending' } = runOf(object)
  if (hostName !== undefined && ['Running', 'Paused', 'Stopping'].includes(phase)) return hostName
  throw badRequest(`machine ${JSON.stringify(name)} does not run: it is ${phase}`)
}

function keptOn(object: JsonObject, name: string): string {
  const hostName = holderOf(object)
  if (hostName !== undefined) return hostName
  throw new StatusError('ServiceUnavailable', `${JSON.stringify(name)} is not on any host yet: try again`)
}

/** The request anew, with nothing of the client's that is not needed: no credentials reach the daemon. */
function upgradeRequest({ headers }: IncomingMessage, info: RequestInfo): string {
  const { namespace, resource, name, subresource } = info
  const path = `/v1alpha1/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}/${subresource}`
  const kept = Object.entries(headers).filter(([header]) => header.startsWith('sec-websocket-'))
  const lines = kept.map(([header, value]) => `${header}: ${String(value)}`)
  return [
    `GET ${path} HTTP/1.1`,
    'Host: node-daemon',
    'Connection: Upgrade',
    'Upgrade: websocket',
    ...lines,
    '',
    '',
  ].join('\r\n')
}

function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to)
    from.once('close', () => to.destroy())
    from.on('error', () => to.destroy())
  }
}

function refuse(socket: Duplex, error: StatusError): void {
  if (socket.destroyed) return
  const body = JSON.stringify(error.toStatus())
  socket.end(
    `HTTP/1.1 ${error.code} ${error.reason}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
