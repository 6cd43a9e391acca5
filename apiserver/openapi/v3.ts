import { createHash } from 'node:crypto'
import type { JsonObject } from '../../crds/meta/json.ts'
import { kindSchemas } from './kind-schemas.ts'
import { metaSchemas, scaleName, scaleSchema } from './meta-schemas.ts'
import {
  actionItem,
  collectionItem,
  connectItem,
  objectItem,
  operationGroup,
  subresourceItem,
  type PathContext,
} from './operations.ts'
import { groupVersionPath, type OpenApiGroupVersion, type OpenApiResource } from './resource.ts'
import { metaPackage, schemaRef } from './schema-names.ts'

/** The OpenAPI v3 document of one group and version: what `kubectl explain` and client-side validation read. */
export function openApiV3ForGroupVersion(groupVersion: OpenApiGroupVersion): JsonObject {
  const { resources } = groupVersion
  const schemas: JsonObject = { ...metaSchemas }
  for (const resource of resources) Object.assign(schemas, kindSchemas(groupVersion, resource))
  if (resources.some(({ subresources }) => subresources.includes('scale'))) schemas[scaleName] = scaleSchema
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.36.0' },
    paths: sorted(pathItems(groupVersion)),
    components: { schemas: sorted(schemas) },
  }
}

/** Path items of a group and version, by path. */
export function pathItems(groupVersion: OpenApiGroupVersion): JsonObject {
  const base = `/${groupVersionPath(groupVersion)}`
  const paths: JsonObject = { [`${base}/`]: discoveryItem(groupVersion) }
  for (const resource of groupVersion.resources)
    Object.assign(paths, resourcePaths(base, groupVersion, resource))
  return paths
}

function resourcePaths(
  base: string,
  { group, version }: OpenApiGroupVersion,
  resource: OpenApiResource,
): JsonObject {
  const { namespaced, plural, subresources, actions = {}, connections = [] } = resource
  const context: PathContext = { group, version, resource, inNamespace: namespaced }
  const collection = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`
  const items: JsonObject = {
    [collection]: collectionItem(context),
    [`${collection}/{name}`]: objectItem(context),
  }
  if (namespaced) items[`${base}/${plural}`] = collectionItem({ ...context, inNamespace: false })
  for (const subresource of subresources) {
    items[`${collection}/{name}/${subresource}`] = subresourceItem(context, subresource)
  }
  for (const [name, action] of Object.entries(actions)) {
    items[`${collection}/{name}/${name}`] = actionItem(context, name, action)
  }
  for (const name of connections) items[`${collection}/{name}/${name}`] = connectItem(context, name)
  // A path without operations, such as the objects of what can only be created, is no path.
  return Object.fromEntries(
    Object.entries(items).filter(([, item]) => Object.keys(item as JsonObject).length > 1),
  )
}

function discoveryItem(groupVersion: OpenApiGroupVersion): JsonObject {
  const content = { 'application/json': { schema: schemaRef(`${metaPackage}.APIResourceList`) } }
  return {
    get: {
      tags: [operationGroup(groupVersion)],
      description: 'List the resources of this group and version.',
      operationId: `get_${operationGroup(groupVersion)}_resources`,
      responses: { '200': { description: 'OK', content }, '401': { description: 'Unauthorized' } },
    },
  }
}

export interface OpenApiV3Document {
  /** `api/v1`, `apis/kvorum.dev/v1alpha1`. */
  readonly path: string
  /** The bytes that are served. */
  readonly json: Uint8Array
}

/** The hash by which clients cache a document: SHA-512 in upper-case hexadecimal, as kube-apiserver writes it. */
export function openApiHash(json: Uint8Array): string {
  return createHash('sha512').update(json).digest('hex').toUpperCase()
}

/** The index at `/openapi/v3`: where each document is, its hash included. */
export function openApiV3Index(documents: readonly OpenApiV3Document[]): JsonObject {
  const paths: JsonObject = {}
  for (const { path, json } of documents.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${openApiHash(json)}` }
  }
  return { paths }
}

function sorted(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
