import type { JsonObject } from '../../crds/meta/json.ts'
import { hostSubresourcesOf } from '../registry/host-subresources.ts'
import type { ResourceDefinition } from '../registry/resource-definition.ts'

/** What discovery tells about one resource; stored kinds and reviews alike. */
export type ApiResource = Pick<
  ResourceDefinition,
  'group' | 'version' | 'kind' | 'plural' | 'singular' | 'namespaced' | 'verbs' | 'shortNames' | 'categories'
> & { readonly subresources: readonly ApiSubresource[] }

export interface ApiSubresource {
  readonly name: string
  readonly verbs: readonly string[]
  /** The kind it is read and written as, where that is not the resource's own. */
  readonly response?: { readonly group: string; readonly version: string; readonly kind: string }
}

const partVerbs = ['get', 'patch', 'update'] as const
const actionVerbs = ['create'] as const
const connectVerbs = ['get'] as const
const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const

export function apiResourceOf(definition: ResourceDefinition): ApiResource {
  const subresources = Object.entries(definition.subresources).map(([name, subresource]) => ({
    name,
    verbs: subresource.type === 'action' ? actionVerbs : partVerbs,
    ...(subresource.type === 'scale' && { response: scaleKind }),
    ...(subresource.type === 'action' && { response: subresource.body }),
  }))
  const onHosts = hostSubresourcesOf(definition).map((name) => ({ name, verbs: connectVerbs }))
  return { ...definition, subresources: [...subresources, ...onHosts] }
}

/** Resources of one group, by version, most preferred first. */
export interface ApiGroup {
  readonly name: string
  readonly versions: readonly { readonly version: string; readonly resources: readonly ApiResource[] }[]
}

/** Groups in the order clients prefer them: core, then Kubernetes' own, then the rest by name. */
export function groupsOf(resources: readonly ApiResource[]): ApiGroup[] {
  const byGroup = Map.groupBy(resources, ({ group }) => group)
  return [...byGroup]
    .map(([name, members]) => {
      const byVersion = Map.groupBy(members, ({ version }) => version)
      const versions = [...byVersion]
        .map(([version, list]) => ({ version, resources: list.toSorted(byPlural) }))
        .toSorted((a, b) => compareVersions(a.version, b.version))
      return { name, versions }
    })
    .toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1))
}

const byPlural = (a: ApiResource, b: ApiResource) => (a.plural < b.plural ? -1 : 1)

function rank(group: string): number {
  if (group === '') return 0
  return group.endsWith('.k8s.io') ? 1 : 2
}

/** Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then everything else by name. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [versionParts(a), versionParts(b)]
  if (!x || !y) return x ? -1 : y ? 1 : a < b ? -1 : a > b ? 1 : 0
  for (let index = 0; index < 3; index++) {
    const difference = (y[index] ?? 0) - (x[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function versionParts(version: string): [stage: number, major: number, minor: number] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version)
  if (!match) return undefined
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0
  return [stage, Number(match[1]), Number(match[3] ?? 0)]
}

export function groupVersionOf({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`
}

export type Document = JsonObject
