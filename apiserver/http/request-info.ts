import { badRequest } from '../../apimachinery/status-error.ts'

export type Verb =
  'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'unknown'

/** What a request asks for, read from its method, path and query alone: the input of authorization and metrics. */
export interface RequestInfo {
  /** False for `/healthz`, `/version`, discovery and everything else that is not an object of the API. */
  readonly isResource: boolean
  readonly path: string
  /** The API verb for resources, the lower-case HTTP method for everything else. */
  readonly verb: string
  readonly group: string
  readonly version: string
  /** Empty for cluster-wide requests. For a namespace object itself it is the namespace's own name. */
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** Of a list or watch, as the client wrote it; absent when it selects nothing. */
  readonly fieldSelector?: string
}

interface ResourcePath {
  readonly group: string
  readonly version: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  readonly watchPath: boolean
}

const namespaceSubresources = new Set(['status', 'finalize'])

/** Throws BadRequest when the path holds a malformed percent escape. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const resource = parseResourcePath(splitPath(path))
  if (resource === undefined) {
    const none = { group: '', version: '', namespace: '', resource: '', subresource: '', name: '' }
    return { isResource: false, path, verb: method.toLowerCase(), ...none }
  }
  const { watchPath: _watchPath, ...parts } = resource
  const verb = verbOf(method, resource, query)
  const fieldSelector = verb === 'list' || verb === 'watch' ? (query.get('fieldSelector') ?? '') : ''
  return { isResource: true, path, verb, ...parts, ...(fieldSelector !== '' && { fieldSelector }) }
}

function splitPath(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    throw badRequest(`the path ${JSON.stringify(path.slice(0, 200))} is not a valid URL path`)
  }
}

function parseResourcePath(parts: readonly string[]): ResourcePath | undefined {
  const [root] = parts
  if (root !== 'api' && root !== 'apis') return undefined
  const group = root === 'api' ? '' : parts[1]
  const version = root === 'api' ? parts[1] : parts[2]
  let rest = parts.slice(root === 'api' ? 2 : 3)
  if (group === undefined || version === undefined || rest.length === 0) return undefined
  const watchPath = rest[0] === 'watch' && rest.length > 1
  if (watchPath) rest = rest.slice(1)
  return { group, version, watchPath, ...parseObjectPath(rest) }
}

function parseObjectPath(rest: readonly string[]) {
  const [first = '', second, third = ''] = rest
  if (first === 'namespaces' && second !== undefined) {
    if (rest.length === 2 || (rest.length === 3 && namespaceSubresources.has(third))) {
      return { namespace: second, resource: 'namespaces', name: second, subresource: third }
    }
    const [, , resource = '', name = '', ...deeper] = rest
    return { namespace: second, resource, name, subresource: deeper.join('/') }
  }
  const [resource = '', name = '', ...deeper] = rest
  return { namespace: '', resource, name, subresource: deeper.join('/') }
}

function verbOf(method: string, { name, watchPath }: ResourcePath, query: URLSearchParams): Verb {
  switch (method) {
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete'
    case 'GET':
    case 'HEAD':
      if (watchPath || (name === '' && isTrue(query.get('watch')))) return 'watch'
      return name === '' ? 'list' : 'get'
    default:
      return 'unknown'
  }
}

/** A boolean query parameter as Kubernetes reads it: present and neither `false` nor `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0'
}
