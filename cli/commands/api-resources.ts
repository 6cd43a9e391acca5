import type { CommandContext } from '../context.ts'
import { apiVersionOf, qualifiedPlural, type ServedResource } from '../discovery.ts'
import { formatJson } from '../printers/json.ts'
import { alignTabs, tableTabs } from '../printers/tab-writer.ts'
import { formatYaml } from '../printers/yaml.ts'
import { UsageError } from '../usage-error.ts'

export interface ApiResourcesOptions {
  /** `true` or `false`; both when left out. */
  readonly namespaced?: string | boolean
  /** Only what has all of these verbs. */
  readonly verbs?: string
  /** Empty for the core group. */
  readonly apiGroup?: string
  /** Only what is in all of these categories. */
  readonly categories?: string
  readonly output?: string
  readonly sortBy?: string
  readonly headers: boolean
}

/** `kvorum api-resources`: what the server serves, in each group's preferred version. */
export async function apiResources(context: CommandContext, options: ApiResourcesOptions): Promise<void> {
  const found = (await context.discovery()).preferred().filter((resource) => matches(resource, options))
  const sorted = found.toSorted((a, b) => compare(a, b, options.sortBy))
  context.print(formatted(sorted, options))
}

function matches(resource: ServedResource, options: ApiResourcesOptions): boolean {
  const { namespaced, apiGroup, verbs, categories } = options
  if (namespaced !== undefined && resource.namespaced !== (String(namespaced) === 'true')) return false
  if (apiGroup !== undefined && resource.group !== apiGroup) return false
  return hasAll(resource.verbs, verbs) && hasAll(resource.categories, categories)
}

function hasAll(has: readonly string[], wanted: string | undefined): boolean {
  return (wanted ?? '').split(',').every((word) => word === '' || has.includes(word))
}

function compare(a: ServedResource, b: ServedResource, by: string | undefined): number {
  if (by !== undefined && by !== 'name' && by !== 'kind')
    throw new UsageError('--sort-by accepts only name or kind')
  const order = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0)
  if (by === 'kind') return order(a.kind, b.kind)
  return (by === 'name' ? 0 : order(a.group, b.group)) || order(a.plural, b.plural)
}

function formatted(
  resources: readonly ServedResource[],
  { output = '', headers }: ApiResourcesOptions,
): string {
  if (output === 'name') return resources.map((resource) => `${qualifiedPlural(resource)}\n`).join('')
  if (output === 'json') return `${formatJson(asList(resources))}\n`
  if (output === 'yaml') return formatYaml(asList(resources))
  if (output !== '' && output !== 'wide')
    throw new UsageError(`--output ${output} is not available: use wide, name, json or yaml`)
  const wide = output === 'wide'
  const head = [
    'NAME',
    'SHORTNAMES',
    'APIVERSION',
    'NAMESPACED',
    'KIND',
    ...(wide ? ['VERBS', 'CATEGORIES'] : []),
  ]
  const rows = resources.map((resource) => [
    resource.plural,
    resource.shortNames.join(','),
    apiVersionOf(resource),
    String(resource.namespaced),
    resource.kind,
    ...(wide ? [resource.verbs.toSorted().join(','), resource.categories.join(',')] : []),
  ])
  const lines = [...(headers ? [head] : []), ...rows].map((cells) => `${cells.join('\t')}\n`)
  return alignTabs(lines.join(''), tableTabs)
}

function asList(resources: readonly ServedResource[]) {
  return {
    apiVersion: 'v1',
    kind: 'APIResourceList',
    groupVersion: '',
    resources: resources.map(({ plural, singular, namespaced, group, version, kind, ...rest }) => ({
      name: plural,
      singularName: singular,
      namespaced,
      ...(group !== '' && { group }),
      version,
      kind,
      verbs: [...rest.verbs],
      ...(rest.shortNames.length > 0 && { shortNames: [...rest.shortNames] }),
      ...(rest.categories.length > 0 && { categories: [...rest.categories] }),
    })),
  }
}

/** `kvorum api-versions`: every group and version that is served. */
export async function apiVersions(context: CommandContext): Promise<void> {
  const versions = new Set((await context.discovery()).resources.map(apiVersionOf))
  context.print(
    [...versions]
      .toSorted()
      .map((version) => `${version}\n`)
      .join(''),
  )
}
