import type { ApiResource, ObjectKey } from '../client.ts'
import { badRequest } from '../../status-error.ts'

type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** `/apis/<group>/<version>/[namespaces/<namespace>/]<plural>`, or of all namespaces. */
export function collectionPath(resource: ApiResource, namespace: string | undefined): string {
  const { group, version, plural, namespaced } = resource
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const scope = namespaced && namespace !== undefined ? `/namespaces/${segment(namespace, 'namespace')}` : ''
  return `${root}${scope}/${plural}`
}

/** Throws BadRequest for a key without a name, or without a namespace where one is needed: it would mean the collection. */
export function objectPath(resource: ApiResource, key: ObjectKey, subresource?: string): string {
  if (resource.namespaced && key.namespace === undefined) {
    throw badRequest(`an object of ${resource.plural} needs a namespace`)
  }
  const path = `${collectionPath(resource, key.namespace)}/${segment(key.name, 'name')}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

function segment(text: string, what: string): string {
  if (text === '' || text === '.' || text === '..')
    throw badRequest(`a ${what} is needed, not ${JSON.stringify(text)}`)
  return encodeURIComponent(text)
}

/** With what is set in `query`. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== false && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}
