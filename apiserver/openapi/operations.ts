import type { JsonObject } from '../../crds/meta/json.ts'
import { scaleName } from './meta-schemas.ts'
import { isCustom, type OpenApiAction, type OpenApiResource } from './resource.ts'
import { metaPackage, schemaName, schemaRef } from './schema-names.ts'

/** The operations of one resource under one path, by HTTP method, and what they share. */
export type PathItem = JsonObject

interface Operation {
  readonly action: string
  /** Part of the operation's id: `read`, `replace`, `list`. */
  readonly verb: string
  readonly description: string
  readonly parameters?: readonly JsonObject[]
  /** Name of the schema that the request carries. */
  readonly body?: string
  readonly bodyTypes?: readonly string[]
  /** Name of the schema of a success. */
  readonly answer: string
  readonly codes?: readonly number[]
}

/** Where a path stands: its group and version, the resource, and what is between them. */
export interface PathContext {
  readonly group: string
  readonly version: string
  readonly resource: OpenApiResource
  /** Under a namespace, as against over all of them. */
  readonly inNamespace: boolean
}

const query = (name: string, type: string, description: string): JsonObject => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
})
const path = (name: string, description: string): JsonObject => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', uniqueItems: true },
})

const pretty = query('pretty', 'string', 'Format the answer for people.')
const dryRun = query('dryRun', 'string', '`All` to go through every check and store nothing.')
const fieldManager = query('fieldManager', 'string', 'Who makes the change; up to 128 printable characters.')
const fieldValidation = query(
  'fieldValidation',
  'string',
  'What to do with unknown and repeated fields: `Ignore` drops them, `Warn` drops them and says so, `Strict` refuses the request.',
)
const force = query('force', 'boolean', 'Take over fields that other managers own. For apply patches only.')
const writing = [dryRun, fieldManager, fieldValidation]

const selecting = [
  query('allowWatchBookmarks', 'boolean', 'Send events of type BOOKMARK in a watch.'),
  query('continue', 'string', 'Token of the page to return.'),
  query('fieldSelector', 'string', 'Restrict the objects by their fields.'),
  query('labelSelector', 'string', 'Restrict the objects by their labels.'),
  query('limit', 'integer', 'The most objects to return in one page.'),
  query('resourceVersion', 'string', 'The state of the store to read, or to watch from.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant: `Exact` or `NotOlderThan`.'),
  query(
    'sendInitialEvents',
    'boolean',
    'Begin a watch with the objects that there are, closed by a bookmark.',
  ),
  query('timeoutSeconds', 'integer', 'Seconds after which the call ends.'),
  query('watch', 'boolean', 'Send changes as they happen instead of a list.'),
]

const deleting = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'Seconds until the object goes; 0 for at once.'),
  query('orphanDependents', 'boolean', 'Superseded by propagationPolicy.'),
  query('propagationPolicy', 'string', 'What becomes of dependents: `Orphan`, `Background` or `Foreground`.'),
]

const jsonTypes = ['application/json', 'application/yaml']
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

const status = `${metaPackage}.Status`

/** Operations on all objects: list, create, delete. */
export function collectionItem(context: PathContext): PathItem {
  const { kind, listKind, namespaced, verbs } = context.resource
  const list = schemaName(context.group, context.version, listKind)
  const name = schemaName(context.group, context.version, kind)
  const write = !namespaced || context.inNamespace
  const operations: [string, string, Operation][] = [
    [
      'get',
      'list',
      {
        action: 'list',
        verb: 'list',
        description: `List or watch objects of kind ${kind}.`,
        parameters: selecting,
        answer: list,
      },
    ],
    [
      'post',
      'create',
      {
        action: 'post',
        verb: 'create',
        description: `Create a ${kind}.`,
        parameters: writing,
        body: name,
        answer: name,
        codes: [200, 201, 202],
      },
    ],
    [
      'delete',
      'deletecollection',
      {
        action: 'deletecollection',
        verb: 'deleteCollection',
        description: `Delete objects of kind ${kind}.`,
        parameters: [...selecting, ...deleting],
        body: `${metaPackage}.DeleteOptions`,
        answer: status,
      },
    ],
  ]
  const allowed = operations.filter(([method, verb]) => verbs.includes(verb) && (write || method === 'get'))
  return pathItem(context, allowed, { parameters: namespaceParameter(context) })
}

/** Operations on one object. */
export function objectItem(context: PathContext): PathItem {
  const { kind, verbs } = context.resource
  const name = schemaName(context.group, context.version, kind)
  const operations: [string, string, Operation][] = [
    ...partOperations(context, name, 'the specified'),
    [
      'delete',
      'delete',
      {
        action: 'delete',
        verb: 'delete',
        description: `Delete a ${kind}.`,
        parameters: deleting,
        body: `${metaPackage}.DeleteOptions`,
        answer: status,
        codes: [200, 202],
      },
    ],
  ]
  const allowed = operations.filter(([, verb]) => verbs.includes(verb))
  return pathItem(context, allowed, { parameters: [nameParameter(kind), ...namespaceParameter(context)] })
}

/** Operations on a part of one object, such as its status. */
export function subresourceItem(context: PathContext, subresource: string): PathItem {
  const { kind } = context.resource
  const isScale = subresource === 'scale'
  const name = isScale ? scaleName : schemaName(context.group, context.version, kind)
  const operations = partOperations(context, name, `${subresource} of the specified`)
  const parameters = [nameParameter(kind), ...namespaceParameter(context)]
  const gvk = isScale ? { group: 'autoscaling', kind: 'Scale', version: 'v1' } : undefined
  return pathItem(context, operations, { parameters, suffix: pascal(subresource), gvk })
}

/** The operation on what is posted to an object, such as a request for a token. */
export function actionItem(context: PathContext, name: string, action: OpenApiAction): PathItem {
  const { kind } = context.resource
  const schema = schemaName(action.group, action.version, action.kind)
  const operation: Operation = {
    action: 'post',
    verb: 'create',
    description: `Create a ${action.kind} for the specified ${kind}.`,
    parameters: writing,
    body: schema,
    answer: schema,
    codes: [200, 201, 202],
  }
  return pathItem(context, [['post', 'create', operation]], {
    parameters: [nameParameter(kind), ...namespaceParameter(context)],
    suffix: pascal(name),
    gvk: { group: action.group, kind: action.kind, version: action.version },
  })
}

/** The operation on what is no object, such as a console. */
export function connectItem(context: PathContext, name: string): PathItem {
  const { group, version, resource } = context
  const get: JsonObject = {
    tags: [operationGroup(context)],
    description: `Connect GET requests to ${name} of the specified ${resource.kind}.`,
    operationId: operationId(context, 'connectGet', pascal(name)),
    responses: {
      '200': { description: 'OK', content: { '*/*': { schema: { type: 'string' } } } },
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': 'connect',
    'x-kubernetes-group-version-kind': { group, kind: resource.kind, version },
  }
  return { get, parameters: [nameParameter(resource.kind), ...namespaceParameter(context)] }
}

function partOperations(
  { group, resource }: PathContext,
  name: string,
  which: string,
): [string, string, Operation][] {
  const { kind } = resource
  const types = isCustom(resource, group)
    ? patchTypes.filter((type) => !type.includes('strategic'))
    : patchTypes
  return [
    ['get', 'get', { action: 'get', verb: 'read', description: `Read ${which} ${kind}.`, answer: name }],
    [
      'put',
      'update',
      {
        action: 'put',
        verb: 'replace',
        description: `Replace ${which} ${kind}.`,
        parameters: writing,
        body: name,
        answer: name,
        codes: [200, 201],
      },
    ],
    [
      'patch',
      'patch',
      {
        action: 'patch',
        verb: 'patch',
        description: `Change ${which} ${kind} in part.`,
        parameters: [...writing, force],
        body: `${metaPackage}.Patch`,
        bodyTypes: types,
        answer: name,
        codes: [200, 201],
      },
    ],
  ]
}

interface PathParts {
  readonly parameters: readonly JsonObject[]
  readonly suffix?: string
  readonly gvk?: JsonObject | undefined
}

function pathItem(
  context: PathContext,
  operations: [string, string, Operation][],
  { parameters, suffix = '', gvk }: PathParts,
): PathItem {
  const item: PathItem = {}
  for (const [method, , operation] of operations)
    item[method] = operationObject(context, operation, suffix, gvk)
  item['parameters'] = [...parameters, pretty]
  return item
}

function operationObject(
  context: PathContext,
  operation: Operation,
  suffix: string,
  gvk?: JsonObject,
): JsonObject {
  const { group, version, resource } = context
  const { parameters, body, bodyTypes = jsonTypes, answer, codes = [200] } = operation
  return {
    tags: [operationGroup(context)],
    description: operation.description,
    operationId: operationId(context, operation.verb, suffix),
    ...(parameters && { parameters: [...parameters] }),
    ...(body !== undefined && {
      requestBody: {
        required: operation.action !== 'delete' && operation.action !== 'deletecollection',
        content: contentOf(bodyTypes, body),
      },
    }),
    responses: responsesOf(codes, answer),
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': gvk ?? { group, kind: resource.kind, version },
  }
}

function contentOf(types: readonly string[], name: string): JsonObject {
  return Object.fromEntries(types.map((type) => [type, { schema: schemaRef(name) }]))
}

const reasons: Record<number, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

function responsesOf(codes: readonly number[], name: string): JsonObject {
  const answers = codes.map((code) => [
    String(code),
    { description: reasons[code] ?? '', content: contentOf(jsonTypes, name) },
  ])
  return { ...(Object.fromEntries(answers) as JsonObject), '401': { description: 'Unauthorized' } }
}

function namespaceParameter({ inNamespace }: PathContext): JsonObject[] {
  return inNamespace ? [path('namespace', 'The namespace of the objects.')] : []
}

function nameParameter(kind: string): JsonObject {
  return path('name', `Name of the ${kind}.`)
}

/** `kvorumDev_v1alpha1`: by which clients group operations. */
export function operationGroup({ group, version }: Pick<PathContext, 'group' | 'version'>): string {
  const name = group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')
  return `${name.replace(/[.-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}_${version}`
}

function operationId(
  { group, version, resource, inNamespace }: PathContext,
  verb: string,
  suffix: string,
): string {
  const place = `${pascal(operationGroup({ group, version }).split('_')[0] ?? '')}${pascal(version)}`
  const collection = verb === 'deleteCollection' ? 'deleteCollection' : verb
  const scope = inNamespace ? 'Namespaced' : ''
  const everywhere = resource.namespaced && !inNamespace ? 'ForAllNamespaces' : ''
  return `${verb === 'deleteCollection' ? 'delete' : verb}${place}${collection === 'deleteCollection' ? 'Collection' : ''}${scope}${resource.kind}${suffix}${everywhere}`
}

const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1)
