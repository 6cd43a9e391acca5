import { z } from 'zod'
import { StatusError } from '../apimachinery/status-error.ts'
import type { Api } from './api.ts'
import { closest } from './did-you-mean.ts'
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
                subresources: z.array(z.object({ subresource: z.string() })).optional(),
              }),
            )
            .optional(),
        }),
      ),
    }),
  ),
})

/** A kind that the server serves, in one version. */
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
  readonly subresources: readonly string[]
}

/** Everything that the server serves, by the names that people type. */
export class Discovery {
  /** In every served version; a group's preferred version comes first. */
  readonly resources: readonly ServedResource[]

  constructor(resources: readonly ServedResource[]) {
    this.resources = resources
  }

  /** Each resource once, in its preferred version. */
  preferred(): readonly ServedResource[] {
    const seen = new Set<string>()
    return this.resources.filter((resource) => {
      const key = qualifiedPlural(resource)
      return !seen.has(key) && seen.add(key)
    })
  }

  /** Finds by plural, singular, kind or short name, each also as `name.group` and `name.version.group`. */
  byName(name: string): ServedResource {
    const found = this.find(name)
    if (found !== undefined) return found
    const known = this.resources.flatMap(({ plural, singular, shortNames }) => [
      plural,
      singular,
      ...shortNames,
    ])
    const meant = closest(name.toLowerCase(), known)
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`
    throw new UsageError(`the server doesn't have a resource type ${JSON.stringify(name)}${hint}`)
  }

  /** As `byName`; undefined for a name that nothing has. */
  find(name: string): ServedResource | undefined {
    const wanted = name.toLowerCase()
    // A short name may be another resource's plural: full names go first.
    return (
      this.resources.find((resource) => fullNames(resource).includes(wanted)) ??
      this.resources.find((resource) => qualified(resource, resource.shortNames).includes(wanted))
    )
  }

  /** All of a category, such as `kvorum`; empty when there is no such category. */
  byCategory(category: string): readonly ServedResource[] {
    return this.preferred().filter(({ categories }) => categories.includes(category))
  }

  /** Undefined for a kind that is not served (yet). */
  findKind(apiVersion: string, kind: string): ServedResource | undefined {
    return this.resources.find((resource) => apiVersionOf(resource) === apiVersion && resource.kind === kind)
  }
}

/** Asks the server what it serves; a server that does not know groups at all gives an empty list of them. */
export async function discover(api: Api): Promise<Discovery> {
  const lists = await Promise.all(
    ['/api', '/apis'].map(async (path) =>
      discoveryList.safeParse(await api.json({ method: 'GET', path, accept: aggregated })),
    ),
  )
  const resources = lists.flatMap(({ data }) => {
    if (data === undefined) {
      throw new StatusError(
        'InternalError',
        'the server does not offer aggregated discovery (apidiscovery v2)',
      )
    }
    return data.items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources: served = [] }) =>
        served.map((resource) => ({
          group: metadata?.name ?? '',
          version,
          kind: resource.responseKind.kind,
          plural: resource.resource,
          singular: resource.singularResource ?? resource.responseKind.kind.toLowerCase(),
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          namespaced: resource.scope === 'Namespaced',
          verbs: resource.verbs,
          subresources: (resource.subresources ?? []).map(({ subresource }) => subresource),
        })),
      ),
    )
  })
  return new Discovery(resources)
}

function fullNames(resource: ServedResource): string[] {
  return qualified(resource, [resource.plural, resource.singular, resource.kind.toLowerCase()])
}

function qualified({ group, version }: ServedResource, names: readonly string[]): string[] {
  return names.flatMap((name) => [name, `${name}.${group}`, `${name}.${version}.${group}`])
}

export function apiVersionOf({ group, version }: ServedResource): string {
  return group === '' ? version : `${group}/${version}`
}

export interface Place {
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>[/<name>[/<subresource>]]`. */
export function pathOf(resource: ServedResource, { namespace, name, subresource }: Place): string {
  const base =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : ''
  const below = [name, subresource].map((part) => (part === undefined ? '' : `/${segment(part)}`)).join('')
  return `${base}${scope}/${resource.plural}${below}`
}

function segment(text: string): string {
  if (text === '' || text === '.' || text === '..')
    throw new UsageError(`${JSON.stringify(text)} is not a name`)
  return encodeURIComponent(text)
}

/** `virtualmachine.kvorum.dev`, as kubectl writes it in front of a name. */
export function qualifiedSingular({ kind, group }: Pick<ServedResource, 'kind' | 'group'>): string {
  return group === '' ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`
}

/** `virtualmachines.kvorum.dev`, as the server writes it in messages. */
export function qualifiedPlural({ plural, group }: Pick<ServedResource, 'plural' | 'group'>): string {
  return group === '' ? plural : `${plural}.${group}`
}
