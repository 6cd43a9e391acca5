import { StatusError } from '../../apimachinery/status-error.ts'
import type { Discovery } from '../discovery/discovery.ts'
import type { Health } from '../discovery/health.ts'
import type { OpenApi } from '../discovery/openapi.ts'
import type { ServerMetrics } from '../discovery/metrics.ts'
import { type Handler, type Reply, type RequestContext } from '../http/exchange.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import type { ResourceMap } from '../registry/resource-map.ts'
import type { JsonObject } from '../../crds/meta/json.ts'
import { createObject } from './create.ts'
import { deleteCollection } from './delete-collection.ts'
import { deleteObject } from './delete.ts'
import { getObject } from './get.ts'
import type { Lister } from './list.ts'
import { patchObject } from './patch.ts'
import type { ReviewResource } from './review.ts'
import { handleScale } from './scale.ts'
import type { HandlerServices, Target } from './services.ts'
import { updateObject } from './update.ts'
import { watchObjects } from './watch.ts'

export interface DispatchDeps {
  readonly services: HandlerServices
  readonly lister: Lister
  readonly resources: ResourceMap
  readonly reviews: readonly ReviewResource[]
  readonly discovery: Discovery
  readonly health: Health
  readonly metrics: ServerMetrics
  readonly version: JsonObject
  readonly openApi: OpenApi
  /** Serves what is neither a resource nor a review; undefined when nobody does. */
  readonly aggregator: { handle(context: RequestContext): Promise<Reply | undefined> }
  /** Handlers of what can be posted to objects, by resource and subresource: `serviceaccounts/token`. */
  readonly actions: Readonly<Record<string, ActionHandler>>
  /** Handlers of what the hosts serve, by group, resource and subresource: `kvorum.dev/virtualmachineinstances/vnc`. */
  readonly onHosts: Readonly<Record<string, Handler>>
  /** Further documents, by path. */
  readonly documents: { handle(context: RequestContext): Reply | undefined }
}

export type ActionHandler = (target: Target, context: RequestContext) => Promise<Reply>

/** Finds the handler for a request. */
export function dispatcher(deps: DispatchDeps): Handler {
  return async (context) => {
    const { isResource, path } = context.info
    if (isResource) return await handleResource(deps, context)
    if (context.method !== 'GET' && context.method !== 'HEAD') throw methodNotAllowed()
    if (path === '/version' || path === '/version/') return jsonReply(deps.version)
    if (path === '/metrics') return await metricsReply(deps.metrics)
    const reply =
      (await deps.health.handle(context)) ??
      deps.discovery.handle(context) ??
      deps.openApi.handle(context) ??
      deps.documents.handle(context)
    if (reply) return reply
    throw unknownPath()
  }
}

/** Indented whoever asks, as kube-apiserver answers `/version`. */
function jsonReply(document: JsonObject): Reply {
  const body = JSON.stringify(document, undefined, 2)
  return { type: 'raw', code: 200, headers: { 'content-type': 'application/json' }, body }
}

async function metricsReply({ registry }: ServerMetrics): Promise<Reply> {
  return {
    type: 'raw',
    code: 200,
    headers: { 'content-type': registry.contentType },
    body: await registry.metrics(),
  }
}

async function handleResource(deps: DispatchDeps, context: RequestContext): Promise<Reply> {
  const { group, version, resource, namespace, name, subresource } = context.info
  const definition = deps.resources.find(group, version, resource)
  if (!definition) return await handleReview(deps, context)
  if (!definition.namespaced && namespace !== '' && resource !== 'namespaces') throw unknownPath()
  for (const part of [namespace, name]) if (/[/%]|^\.\.?$/.test(part)) throw badName(part)
  if (definition.deprecation) context.warnings.push(definition.deprecation)
  const target: Target = { definition, namespace: definition.namespaced ? namespace : '', name }
  if (subresource !== '') return await handleSubresource(deps, target, context)
  return await handleVerb(deps, target, context)
}

async function handleVerb(deps: DispatchDeps, target: Target, context: RequestContext): Promise<Reply> {
  const { services, lister } = deps
  const { verb } = context.info
  checkShape(target, verb)
  switch (verb) {
    case 'get':
      return await getObject(services, target, context)
    case 'list':
      return await lister.handle(target, context)
    case 'watch':
      return counted(deps, context, await watchObjects(services, target, context))
    case 'create':
      if (target.definition.terminating) throw terminating(verb)
      return await createObject(services, target, context)
    case 'update':
      return await updateObject(services, target, context)
    case 'patch':
      return await patchObject(services, target, context)
    case 'delete':
      return await deleteObject(services, target, context)
    case 'deletecollection':
      return await deleteCollection({ ...services, lister }, target, context)
    default:
      throw methodNotAllowed()
  }
}

async function handleSubresource(
  deps: DispatchDeps,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { group, resource, subresource: name, verb } = context.info
  const subresource = subresourceOf(target.definition, name)
  if (!subresource) {
    const handle = deps.onHosts[`${group}/${resource}/${name}`]
    if (handle) return await handle(context)
    throw unknownPath()
  }
  if (subresource.type === 'scale') return await handleScale(deps.services, target, subresource, context)
  if (subresource.type === 'action') return await handleAction(deps, target, context)
  const part: Target = { ...target, part: { name, subresource } }
  switch (verb) {
    case 'get':
      return await getObject(deps.services, target, context)
    case 'update':
      return await updateObject(deps.services, part, context)
    case 'patch':
      return await patchObject(deps.services, part, context)
    default:
      throw methodNotAllowed()
  }
}

async function handleAction(
  { actions }: DispatchDeps,
  target: Target,
  context: RequestContext,
): Promise<Reply> {
  const { resource, subresource, verb } = context.info
  if (verb !== 'create') throw methodNotAllowed()
  const handle = actions[`${resource}/${subresource}`]
  if (!handle) throw unknownPath()
  return await handle(target, context)
}

function subresourceOf({ subresources }: ResourceDefinition, name: string) {
  return Object.hasOwn(subresources, name) ? subresources[name] : undefined
}

async function handleReview(deps: DispatchDeps, context: RequestContext): Promise<Reply> {
  const { group, version, resource, namespace, name } = context.info
  const review = deps.reviews.find(
    (one) => one.group === group && one.version === version && one.plural === resource,
  )
  if (!review) {
    const reply = await deps.aggregator.handle(context)
    if (reply) return reply
  }
  if (!review || name !== '' || review.namespaced !== (namespace !== '')) throw unknownPath()
  if (context.info.verb !== 'create') throw methodNotAllowed()
  return await review.handle(context)
}

/** Counts a watch for as long as it is open. */
function counted({ metrics }: DispatchDeps, { info }: RequestContext, reply: Reply): Reply {
  if (reply.type !== 'stream') return reply
  return {
    ...reply,
    async write(response, signal) {
      const closed = metrics.watchOpened(info)
      try {
        await reply.write(response, signal)
      } finally {
        closed()
      }
    },
  }
}

/**
 * Throws MethodNotAllowed when the kind does not serve the verb, or when the verb needs a name or a namespace that the
 * path lacks, or has one too many.
 */
function checkShape({ definition, namespace, name }: Target, verb: string): void {
  if (!definition.verbs.some((served) => served === verb)) throw methodNotAllowed()
  const acrossNamespaces = definition.namespaced && namespace === ''
  if (acrossNamespaces && verb !== 'list' && verb !== 'watch') throw methodNotAllowed()
  if (verb === 'create' && name !== '') throw methodNotAllowed()
  if ((verb === 'update' || verb === 'patch') && name === '') throw methodNotAllowed()
}

function methodNotAllowed(): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  )
}

function terminating(verb: string): StatusError {
  return new StatusError(
    'MethodNotAllowed',
    `${verb} not allowed while custom resource definition is terminating`,
  )
}

function unknownPath(): StatusError {
  return new StatusError('NotFound', 'the server could not find the requested resource', { details: {} })
}

function badName(name: string): StatusError {
  const part = name.includes('/') ? '/' : '%'
  const problem = name === '.' || name === '..' ? `may not be '${name}'` : `may not contain '${part}'`
  return new StatusError('BadRequest', `invalid resource name ${JSON.stringify(name)}: [${problem}]`)
}
