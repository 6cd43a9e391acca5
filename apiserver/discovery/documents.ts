import { createHash } from 'node:crypto'
import type { JsonObject } from '../../crds/meta/json.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'
import { groupVersionOf, type ApiGroup, type ApiResource, type ApiSubresource } from './api-resource.ts'

/** `APIGroupDiscoveryList`: everything about a set of groups in one answer. */
export function aggregatedDiscovery(groups: readonly ApiGroup[], apiVersion: string): JsonObject {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion,
    metadata: {},
    items: groups.map(({ name, versions }) => ({
      metadata: name === '' ? {} : { name },
      versions: versions.map(({ version, resources }) => ({
        version,
        resources: resources.map(discoveredResource),
        freshness: 'Current',
      })),
    })),
  }
}

function discoveredResource(resource: ApiResource): JsonObject {
  const { group, version, kind, plural, singular, namespaced, verbs, shortNames, categories } = resource
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: [...verbs],
    ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
    ...(categories.length > 0 && { categories: [...categories] }),
    ...(resource.subresources.length > 0 && {
      subresources: resource.subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: kindOf(subresource.response ?? { group, version, kind }),
        verbs: [...subresource.verbs],
      })),
    }),
  }
}

function kindOf({ group, version, kind }: NonNullable<ApiSubresource['response']>): JsonObject {
  return { group, version, kind }
}

/** `APIVersions`, for the core group. */
export function apiVersions(core: ApiGroup | undefined, address: string): JsonObject {
  return {
    kind: 'APIVersions',
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  }
}

export function apiGroupList(groups: readonly ApiGroup[]): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupEntry) }
}

export function apiGroup(group: ApiGroup): JsonObject {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) }
}

function groupEntry({ name, versions }: ApiGroup): JsonObject {
  const entries = versions.map(({ version }) => ({
    groupVersion: groupVersionOf({ group: name, version }),
    version,
  }))
  return { name, versions: entries, preferredVersion: entries[0] }
}

/** `APIResourceList` of one version of a group. */
export function apiResourceList(groupVersion: string, resources: readonly ApiResource[]): JsonObject {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.flatMap((resource) => [resourceEntry(resource), ...subresourceEntries(resource)]),
  }
}

function resourceEntry(resource: ApiResource): JsonObject {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = resource
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: [...verbs],
    ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
    ...(categories.length > 0 && { categories: [...categories] }),
    storageVersionHash: storageVersionHash(resource),
  }
}

function subresourceEntries({ plural, namespaced, kind, subresources }: ApiResource): JsonObject[] {
  return subresources.map(({ name, verbs, response }) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...(response && { group: response.group, version: response.version }),
    kind: response?.kind ?? kind,
    verbs: [...verbs],
  }))
}

/** Eight bytes that change when objects are stored in another version. */
function storageVersionHash(resource: ApiResource & Partial<Pick<ResourceDefinition, 'stored'>>): string {
  const stored = resource.stored?.apiVersion ?? groupVersionOf(resource)
  const hash = createHash('sha512').update(`${stored}/${resource.kind}`).digest()
  return hash.subarray(0, 8).toString('base64')
}
