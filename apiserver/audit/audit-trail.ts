import type { StatusError } from '../../apimachinery/status-error.ts'
import { isJsonObject, type Json, type JsonObject } from '../../crds/meta/json.ts'
import type { Reply, RequestAudit, RequestContext, UserInfo } from '../http/exchange.ts'
import { objectAt, objectsAt, textAt } from '../registry/kube-object.ts'
import type {
  AuditEvent,
  AuditLevel,
  AuditObjectRef,
  AuditStage,
  AuditStatus,
  AuditUser,
} from './audit-event.ts'
import { differences } from './object-diff.ts'
import type { AuditScope } from './policy-match.ts'

const longestUserAgent = 1024
export const diffAnnotation = 'audit.kvorum.dev/diff'

/** What is known about a request before it is worked on; its annotations grow later. */
export type AuditedRequest = Pick<RequestContext, 'request' | 'info' | 'user' | 'auditId' | 'annotations'>

export interface TrailDeps {
  readonly context: AuditedRequest
  readonly scope: AuditScope
  /** RFC 3339 with microseconds. */
  readonly now: () => string
  /** Takes a finished event. */
  readonly emit: (event: AuditEvent) => void
}

/** What becomes known about one request while it is worked on, and the events that tell it. */
export class AuditTrail implements RequestAudit {
  readonly #deps: TrailDeps
  readonly #receivedAt: string
  readonly #level: AuditLevel
  #target: AuditUser | undefined
  #name: Pick<AuditObjectRef, 'name' | 'namespace' | 'uid' | 'resourceVersion'> = {}
  #requestObject: Json | undefined
  #responseObject: Json | undefined
  #change: { readonly before: JsonObject; readonly after: JsonObject } | undefined
  #status: AuditStatus | undefined

  constructor(deps: TrailDeps) {
    this.#deps = deps
    this.#level = deps.scope.level
    this.#receivedAt = deps.now()
  }

  impersonated(user: UserInfo): void {
    this.#target = auditUser(user)
  }

  requested(body: Json): void {
    const { name, namespace, uid, resourceVersion } = objectAt(body, 'metadata')
    this.#name = textsOf({ name, namespace, uid, resourceVersion })
    if (this.#level === 'Request' || this.#level === 'RequestResponse') this.#requestObject = body
  }

  changing(before: JsonObject, after: JsonObject): void {
    if (this.#level === 'Request' || this.#level === 'RequestResponse') this.#change = { before, after }
  }

  /** The request came in. */
  received(): void {
    this.#emit('RequestReceived')
  }

  /** The head of a long answer goes out. */
  started(code: number): void {
    this.#status = { metadata: {}, code }
    this.#emit('ResponseStarted')
  }

  /** Whether the answer's body is to be written. */
  get wantsResponse(): boolean {
    return this.#level === 'RequestResponse'
  }

  /** Everything is answered. `body` is what went out, where the reply itself does not hold it. */
  completed(reply: Reply, body?: Json): void {
    const { code } = reply
    this.#status = { metadata: {}, code }
    // A generated name is known only now.
    if (
      reply.type === 'object' &&
      this.#name.name === undefined &&
      this.#deps.context.info.verb === 'create'
    ) {
      const { name, namespace, uid } = objectAt(reply.object, 'metadata')
      this.#name = { ...this.#name, ...textsOf({ name, namespace, uid }) }
    }
    if (reply.type === 'object' && reply.object['kind'] === 'Status')
      this.#status = statusOf(reply.object, code)
    if (this.wantsResponse) this.#responseObject = reply.type === 'object' ? reply.object : body
    this.#emit('ResponseComplete')
  }

  /** The request ended in an error that the client is told. */
  failed(error: StatusError): void {
    const { message, reason, details, code } = error
    const quoted = this.#deps.scope.unspeakable && (reason === 'Invalid' || reason === 'BadRequest')
    this.#status = {
      metadata: {},
      status: 'Failure',
      ...(!quoted && { message }),
      reason,
      ...(details && !quoted && { details }),
      code,
    }
    this.#change = undefined
    if (this.wantsResponse) this.#responseObject = error.toStatus() as unknown as JsonObject
    this.#emit('ResponseComplete')
  }

  /** Nobody knows who asked. */
  unauthenticated(message: string, code: number): void {
    this.#status = { metadata: {}, message, code }
    this.#emit('ResponseStarted')
  }

  /** A mistake of ours ended the request. */
  panicked(error: unknown): void {
    this.#status = {
      metadata: {},
      status: 'Failure',
      reason: 'InternalError',
      message: `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`,
      code: 500,
    }
    if (this.#deps.scope.unspeakable) this.#status = { ...this.#status, message: "APIServer panic'd" }
    this.#emit('Panic')
  }

  #emit(stage: AuditStage): void {
    const { scope, context, now, emit } = this.#deps
    if (scope.omitStages.has(stage) || !this.#isWanted()) return
    const { request, info, user, auditId } = context
    const done = stage === 'ResponseComplete' || stage === 'Panic'
    const userAgent = shortened(request.headers['user-agent'])
    emit({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: this.#level,
      auditID: auditId,
      stage,
      requestURI: request.url ?? '',
      verb: info.verb,
      user: auditUser(user),
      ...(this.#target && { impersonatedUser: this.#target }),
      sourceIPs: sourceAddresses(request),
      ...(userAgent !== undefined && { userAgent }),
      ...(info.isResource && { objectRef: this.#objectRef() }),
      ...(this.#status && { responseStatus: this.#status }),
      ...(this.#requestObject !== undefined && { requestObject: this.#shown(this.#requestObject) }),
      ...(this.#responseObject !== undefined && { responseObject: this.#shown(this.#responseObject) }),
      requestReceivedTimestamp: this.#receivedAt,
      stageTimestamp: stage === 'RequestReceived' ? this.#receivedAt : now(),
      ...this.#annotations(done),
    })
  }

  #isWanted(): boolean {
    const code = this.#status?.code
    return !this.#deps.scope.refusalsOnly || code === 401 || code === 403
  }

  #objectRef(): AuditObjectRef {
    const { resource, namespace, name, group, version, subresource } = this.#deps.context.info
    return textsOf({
      resource,
      namespace: namespace || this.#name.namespace,
      name: name || this.#name.name,
      uid: this.#name.uid,
      apiGroup: group,
      apiVersion: version,
      resourceVersion: this.#name.resourceVersion,
      subresource,
    })
  }

  #annotations(done: boolean): Pick<AuditEvent, 'annotations'> {
    const annotations = Object.fromEntries(this.#deps.context.annotations)
    if (done && this.#change) {
      const found = differences(this.#change.before, this.#change.after)
      if (found.length > 0) annotations[diffAnnotation] = JSON.stringify(found)
    }
    return Object.keys(annotations).length > 0 ? { annotations } : {}
  }

  #shown(body: Json): Json {
    return this.#deps.scope.omitManagedFields ? withoutManagedFields(body) : body
  }
}

function shortened(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined || userAgent.length <= longestUserAgent) return userAgent
  return `${userAgent.slice(0, longestUserAgent)}...TRUNCATED`
}

function auditUser(user: UserInfo | undefined): AuditUser {
  if (!user) return {}
  const { name, uid, groups, extra } = user
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) }
}

function statusOf(object: JsonObject, code: number): AuditStatus {
  const { kind: _kind, apiVersion: _apiVersion, ...status } = object
  return { ...(status as Partial<AuditStatus>), code }
}

/** Only what is a text and not empty. */
function textsOf(fields: Readonly<Record<string, Json | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    ),
  )
}

function withoutManagedFields(body: Json): Json {
  if (!isJsonObject(body)) return body
  const { items } = body
  if (textAt(body, 'kind').endsWith('List') && Array.isArray(items)) {
    return { ...body, items: objectsAt(body, 'items').map(withoutManagedFields) }
  }
  if (objectAt(body, 'metadata')['managedFields'] === undefined) return body
  const { managedFields: _, ...metadata } = objectAt(body, 'metadata')
  return { ...body, metadata }
}

/** As the proxies on the way tell it, the nearest last; the address of the connection closes the list. */
function sourceAddresses(request: RequestContext['request']): string[] {
  const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',')
  const told = [...forwarded, String(request.headers['x-real-ip'] ?? '')].map((one) => one.trim())
  const peer = (request.socket?.remoteAddress ?? '').replace(/^::ffff:/, '')
  return [...new Set([...told, peer].filter((address) => address !== '' && address.length <= 45))]
}
