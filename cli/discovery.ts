import { z } from 'zod'
import type { Api } from './api.ts'
import { UsageError } from './usage-error.ts'

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'

const discoveryList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string().optional() }).optional(),
      versions: z.array(
        z.object({
          version: z.string(),
          resources: z
            .array(
              z.object({
                resource: z.string(),
                responseKind: z.object({ kind: z.string() }),
                scope: z.enum(['Namespaced', 'Cluster']),
                singularResource: z.string().optional(),
                shortNames: z.array(z.string()).optional(),
                categories: z.array(z.string()).optional(),
                verbs: z.array(z.string()),
              }),
            )
            .optional(),
        }),
      ),
    }),
  ),
})

/** A kind that the server serves, in its preferred version. */
export interface ServedResource {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly string[]
}

/** Everything that the server serves, by the names that people type. */
export class Discovery {
  readonly resources: readonly ServedResource[]

  constructor(resources: readonly ServedResource[]) {
    this.resources = resources
  }

  /** Finds by plural, singular, short name or kind, each also as `name.group`. */
  byName(name: string): ServedResource {
    const wanted = name.toLowerCase()
    const found = this.resources.find((resource) => namesOf(resource).includes(wanted))
    if (found === undefined) throw new UsageError(`the server doesn't have a resource type "${name}"`)
    return found
  }

  /** All of a category, such as `kvorum`; empty when there is no such category. */
  byCategory(category: string): readonly ServedResource[] {
    return this.resources.filter(({ categories }) => categories.includes(category))
  }

  byKind(apiVersion: string, kind: string): ServedResource {
    const found = this.resources.find(
      (resource) => apiVersionOf(resource) === apiVersion && resource.kind === kind,
    )
    if (found === undefined) throw new UsageError(`no matches for kind "${kind}" in version "${apiVersion}"`)
    return found
  }
}

export async function discover(api: Api): Promise<Discovery> {
  const lists = await Promise.all(
    ['/api', '/apis'].map(async (path) =>
      discoveryList.parse(await api.json({ method: 'GET', path, accept: aggregated })),
    ),
  )
  const resources = lists.flatMap(({ items }) =>
    items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources = [] }) =>
        resources.map((resource) => ({
          group: metadata?.name ?? '',
          version,
          kind: resource.responseKind.kind,
          plural: resource.resource,
          singular: resource.singularResource ?? resource.responseKind.kind.toLowerCase(),
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          namespaced: resource.scope === 'Namespaced',
          verbs: resource.verbs,
        })),
      ),
    ),
  )
  return new Discovery(resources)
}

function namesOf({ plural, singular, shortNames, kind, group }: ServedResource): string[] {
  const names = [plural, singular, kind.toLowerCase(), ...shortNames]
  return [...names, ...names.map((name) => `${name}.${group}`)]
}

export function apiVersionOf({ group, version }: ServedResource): string {
  return group === '' ? version : `${group}/${version}`
}

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>]`. */
export function pathOf(
  resource: ServedResource,
  at: { namespace?: string | undefined; name?: string | undefined },
): string {
  const base =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const scope =
    resource.namespaced && at.namespace !== undefined ? `/namespaces/${encodeURIComponent(at.namespace)}` : ''
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`
  return `${base}${scope}/${resource.plural}${name}`
}

/** `virtualmachine.kvorum.dev`, as kubectl writes it in front of a name. */
export function qualifiedSingular({ singular, group }: ServedResource): string {
  return group === '' ? singular : `${singular}.${group}`
}
